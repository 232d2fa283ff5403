"""The VPN of 95 offices with two hubs: planned, and rendered for every hub and router.

The yardstick is reading the inventory (``load``), which every command does: wall seconds drift with
the machine's load, and their ratio drifts far less.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from hoaban.model import ledgerfile, load
from hoaban.vpn import hub, keys, names, office, psk
from hoaban.vpn.render import Format, render
from tests.bench.figures import Figures, seconds

if TYPE_CHECKING:
    from hoaban.model import Province
    from hoaban.model.vpnplan import VpnPlan

INVENTORY = Path(__file__).resolve().parents[2] / "inventory"
ROUNDS = 5
KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
HOST = "\n  {name}: {{size: tiny, zone: vpn, services: [vpn_hub], floating_ip: true}}\n"
NAMES = ("vpn-1", "vpn-2")


def main() -> Figures:
    """Time planning and rendering, round by round."""
    figures = Figures("vpn")
    with tempfile.TemporaryDirectory() as folder:
        inventory, home = Path(folder) / "inventory", Path(folder) / "home"
        shutil.copytree(INVENTORY, inventory)
        _hubs(inventory)
        plan = _planned(load(inventory))
        figures.add("offices", len(plan.sites))
        _keys(plan, home)
        reading, planning, rendering = [], [], []
        for _ in range(ROUNDS):
            reading.append(seconds(lambda: load(inventory)))
            province = load(inventory)
            planning.append(seconds(partial(_planned, province)))
            rendering.append(seconds(partial(_render, province, plan, home)))
    figures.add("reading the inventory, s", reading)
    figures.add("planning hubs and offices, s", planning)
    figures.add("rendering two hubs and all offices' routers, s", rendering)
    both = [one + other for one, other in zip(planning, rendering, strict=True)]
    figures.add("planning and rendering, s", median(both))
    ratios = [one / other for one, other in zip(both, reading, strict=True)]
    figures.add("ratio of planning and rendering to reading", ratios)
    return figures


def _hubs(inventory: Path) -> None:
    """Two hubs, unless the province has some."""
    path = inventory / "province.yml"
    text = path.read_text(encoding="utf-8")
    if "vpn_hub" not in text:
        hosts = "".join(HOST.format(name=name) for name in NAMES)
        path.write_text(text + hosts, encoding="utf-8")
        ledgerfile.allocate(inventory)


def _planned(province: Province) -> VpnPlan:
    vpn = province.foundation().vpn
    if vpn is None:
        raise AssertionError("the province has hubs, but no VPN")
    return vpn


def _keys(plan: VpnPlan, home: Path) -> None:
    """Everybody has keys."""
    for one in plan.hubs:
        keys.note(names.key_file(home), one.name, {"wg-sites": KEY})
        for site in plan.sites:
            psk.ensure(names.shared_key(home, one.name, site.name))
    for site in plan.sites:
        keys.note(names.key_file(home), site.name, {names.ROUTER: KEY})


def _render(province: Province, plan: VpnPlan, home: Path) -> None:
    pins = keys.read(names.key_file(home))
    for one in plan.hubs:
        hub.of_hub(plan, one.name, pins, home)
    endpoints = {one.name: "203.0.113.1" for one in plan.hubs}
    for site in plan.sites:
        told = office.office(plan, site.name, province.links, pins, home, endpoints, KEY)
        render(told, Format.OPENWRT)
