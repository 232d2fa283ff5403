"""One estate of real guests for all tests of this folder, and its removal.

A province with two hubs, which are IPsec gateways too, and a backup host; a department and a
commune; and outside of them, on a network of its own, a guest that is the router of the
department's office and a gateway of the centre.

Each guest costs the machine a minute of a processor before it has done anything, and emulation
has no more than the machine's own: so there are no more of them than roles that only another host
can play, and none is ordered before it is needed.
"""

from __future__ import annotations

import copy
import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.inventory.fleet import Fleet
from hoaban.lab.client import connect
from hoaban.lab.layout import Layout
from tests.cloud.province import AGENCY, SmallProvince
from tests.e2e import centre
from tests.e2e.outside import Outside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.outside import Guest

BIN = Path(sys.executable).parent
MIRROR = "http://172.31.77.1:8780/debian"
"""The lab's own."""
STEP_SECONDS = 1500
"""No step may take longer: software emulation on a busy machine is slow, but not that slow."""


@dataclass(frozen=True, slots=True)
class Estate:
    """A workspace whose province runs on the lab, and the command in it."""

    province: SmallProvince

    @property
    def environment(self) -> dict[str, str]:
        """As a person's shell would have it."""
        mine = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
        return os.environ | mine | {"HOABAN_ROOT": str(self.province.folder)}

    def run(self, *words: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command in the workspace; its exit status must be as told (None: any)."""
        print("$", shlex.join(words), flush=True)
        done = subprocess.run(
            words,
            cwd=self.province.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
            stdin=subprocess.DEVNULL,
        )
        print(done.stdout, done.stderr, sep="\n", flush=True)
        if status is not None:
            assert done.returncode == status, f"{shlex.join(words)}: {done.stdout}{done.stderr}"
        return done

    def hoaban(self, *words: str, status: int | None = 0) -> Any:
        """Run a verb with ``--json``; its document."""
        return json.loads(self.run("hoaban", *words, "--json", status=status).stdout)

    def on(self, host: str, script: str, status: int | None = 0) -> str:
        """Output of a shell script on a host."""
        return self.run("hoaban", "ssh", host, "--", script, status=status).stdout


COMMUNE = "xa-thu-nghiem"
OFFICE = f"{AGENCY}/tru-so"
QUOTA_GB = 1
"""Most that the backups of a server of the department may take; the volume holds more."""
OUTSIDE_ADDRESS = "172.31.77.241"
"""Floating IP of the guest outside. Nobody else takes it: Neutron gives out others first."""
HUB: dict[str, Any] = {
    "size": "tiny", "zone": "vpn", "services": ["vpn_hub", "ipsec_gateway"], "floating_ip": True,
}  # fmt: skip


def province(folder: Path) -> SmallProvince:
    """The files of the estate."""
    small = SmallProvince(folder)
    small.province["slug"] = "that"  # "thật": real
    small.province["sizes"] = {"tiny": {"vcpus": 1, "ram_mb": 768, "disk_gb": 3}}
    # Limits of what each client keeps are XFS'.
    small.province["hosts"]["backup-1"]["volumes"][0] |= {"size_gb": 3, "filesystem": "xfs"}
    small.province["services"] = {"mirror": MIRROR, "centre_networks": [centre.NETWORK]}
    small.province["hosts"] |= {name: copy.deepcopy(HUB) for name in ("vpn-1", "vpn-2")}
    small.province["centre"] = {
        "identity": centre.PROVINCE,
        "gateways": [{"name": "one", "address": OUTSIDE_ADDRESS, "identity": centre.IDENTITY}],
    }
    small.tiers["web"]["count"] = 1
    small.department["sites"] = [
        {"slug": "tru-so", "name": {"vi": "Trụ sở", "en": "Office"}, "address": "1"}
    ]
    [portal] = small.department["systems"]
    portal["exposure"] = {"own_agency": True, "centre": True}
    portal["backup"] = {"rpo_hours": 24, "rto_hours": 8, "quota_gb": QUOTA_GB}
    small.others = [commune()]
    small.circuits = {
        OFFICE: [
            {"role": "primary", "provider": "VNPT", "kind": "tslcd",
             "down_mbps": 50, "up_mbps": 50,
             "sla": {"availability": 99.5, "latency_ms": 400, "loss": 0.5}}
        ]
    }  # fmt: skip
    small.write()
    (small.workspace.inventory / "hoaban.yml").write_text("plugin: hoaban\n")  # as init does
    return small


def commune() -> dict[str, Any]:
    """An agency with one server, which the department may use."""
    return {
        "slug": COMMUNE,
        "name": {"vi": "Xã Thử Nghiệm", "en": "Commune of Tests"},
        "kind": "commune",
        "users": 5,
        "systems": [
            {
                "slug": "so-lieu",
                "name": {"vi": "Số liệu", "en": "Figures"},
                "tiers": {"app": {"size": "tiny", "ports": [{"port": 8080}]}},
                "exposure": {"agencies": [AGENCY]},
            }
        ],
    }


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Foundation and agencies, provisioned and booting; removed in the end."""
    estate = Estate(province(tmp_path_factory.mktemp("estate")))
    try:
        estate.run("hoaban", "up", "--provision-only", "--yes")
        estate.run("hoaban", "up", AGENCY, COMMUNE, "--provision-only", "--yes")
        yield estate
    finally:
        for agency in (COMMUNE, AGENCY):
            estate.run("hoaban", "destroy", agency, "--yes", "--delete-data", status=None)
        estate.run("hoaban", "destroy", "--yes", "--delete-data", status=None)


@pytest.fixture(scope="session")
def outside(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """The office's router, which is the centre's gateway too, booting; removed in the end."""
    like = Fleet.read(estate.province.workspace).host("bastion").output.server_id
    with connect(Layout.of_machine()) as cloud:
        there = Outside(cloud, "that", tmp_path_factory.mktemp("outside"))
        try:
            there.open()
            yield there.boot("outside", OUTSIDE_ADDRESS, like)
        finally:
            there.close()
