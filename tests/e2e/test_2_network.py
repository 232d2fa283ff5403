"""Tunnels by the kernel's own WireGuard and IPsec, between real guests, through a real cloud.

The tests run in order. What is allowed passes, what is not is dropped, and each loss of a way is
measured; the figures are printed.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from hoaban import model
from hoaban.console import Steps
from hoaban.converge.console import CloudConsole
from hoaban.converge.run import prepare
from hoaban.inventory.fleet import Fleet
from tests.e2e import centre as centres
from tests.e2e import office as offices
from tests.e2e.conftest import COMMUNE, OFFICE
from tests.e2e.outside import Watch, reaches
from tests.e2e.test_1_first_light import DATA, WEB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.conftest import Estate
    from tests.e2e.outside import Guest, Watched

pytestmark = pytest.mark.e2e

FIGURES = f"{COMMUNE}-so-lieu-app-1"
HUBS = ("vpn-1", "vpn-2")


def address_of(estate: Estate, host: str) -> str:
    """A host's address in the data centre."""
    return str(Fleet.read(estate.province.workspace).host(host).plan.ipv4)


def floating_ip_of(estate: Estate, host: str) -> str:
    """A host's address for those outside."""
    return str(Fleet.read(estate.province.workspace).host(host).output.floating_ip)


def hubs(estate: Estate, *wanted: str) -> dict[str, Any]:
    """What the hubs say of themselves, by name."""
    return {one["host"]: one for one in estate.hoaban("vpn", "status", *wanted)["hosts"]}


def until(true: Callable[[], Any], seconds: float = 90) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(1)


@pytest.fixture(scope="module")
def served(estate: Estate) -> Iterator[None]:
    """Something answers on every port that is tried, so that only filters decide.

    The commune's server was provisioned, and not configured: it has the cloud's filters alone.
    """
    workspace = estate.province.workspace
    console = CloudConsole(model.load(workspace.inventory).spec.cloud, workspace.inventory)
    prepare(workspace, Fleet.read(workspace), COMMUNE, console, Steps(quiet=True))
    ports = {WEB: (443, 8443), DATA: (5432,), FIGURES: (8080,)}
    for host, numbers in ports.items():
        for port in numbers:
            estate.on(
                host,
                f"sudo systemd-run --quiet --collect --unit=serve-{port} "
                f"python3 -m http.server {port} --bind :: --directory /run/systemd/ask-password",
            )
    yield
    for host, numbers in ports.items():
        for port in numbers:
            estate.on(host, f"sudo systemctl stop serve-{port}")


@pytest.fixture(scope="module")
def router(estate: Estate, outside: Guest, served: None) -> Guest:
    """The office's router, told what it needs; and the hubs told of it and of the centre."""
    outside.wait()
    given = estate.hoaban("vpn", "site", OFFICE, "--format", "openwrt", "--show")
    assert given["new_key"] is True
    authority = centres.Authority.make()
    centre_of: dict[str, Any] = estate.province.province["centre"]
    centre_of["authorities"], centre_of["crls"] = [authority.pem], [authority.revoked()]
    centre_of["certificates"] = {
        hub: authority.answer(estate.on(hub, "sudo cat /etc/swanctl/gateway-*.csr")) for hub in HUBS
    }
    estate.province.write()
    estate.run("hoaban", "up", "--provision-only", "--yes")
    estate.hoaban("converge", "--host", "vpn-1", "--host", "vpn-2")
    [text] = [file["text"] for file in given["files"]]
    offices.apply(outside, text)
    servers = estate.province.province["pools"]["agencies"]["ipv4"]
    centres.configure(outside, authority, floating_ip_of(estate, "vpn-1"), servers)
    return outside


def own_address(router: Guest) -> str:
    """The router's address in its office's network."""
    return router.run("ip -4 -o address show scope global | awk '/wg_/ {print $4; exit}'").strip()[
        : -len("/32")
    ]


def way(router: Guest, target: str) -> str:
    """The tunnel by which the router would send."""
    return router.run(f"ip route get {target}", None)


def test_an_office_has_tunnels_to_both_hubs(estate: Estate, router: Guest) -> None:
    target = address_of(estate, WEB)
    until(lambda: "dev wg_vpn_1" in way(router, target))
    told = hubs(estate)
    for hub in HUBS:
        [interface] = told[hub]["interfaces"]
        [peer] = interface["peers"]
        assert peer["name"] == OFFICE
        assert peer["handshake"] is not None
        sessions = [one for one in told[hub]["neighbours"] if one["name"] == OFFICE]
        assert {one["state"] for one in sessions} == {"Established"}
    assert told["vpn-1"]["virtual"]["held"]
    assert not told["vpn-2"]["virtual"]["held"]
    kinds = {estate.on(hub, "ip -details link show wg-sites | grep -o wireguard") for hub in HUBS}
    assert kinds == {"wireguard\n"}, "the kernel's own, not a program's"


def test_what_the_matrix_allows_passes_and_the_rest_is_dropped(
    estate: Estate, router: Guest
) -> None:
    web, data, figures = (address_of(estate, host) for host in (WEB, DATA, FIGURES))
    own = own_address(router)
    assert reaches(router, web, 443, own), "the agency's own system"
    assert reaches(router, figures, 8080, own), "a system that the commune opened to it"
    # Each of these answers to whom it may: only filters are in the way.
    assert not reaches(router, web, 8443, own), "a port that is no service"
    assert not reaches(router, data, 5432, own), "a tier behind the first"
    assert not reaches(router, web, 22, own), "SSH is for the bastion"
    assert not reaches(router, address_of(estate, "backup-1"), 8000, own), "the backup host"
    inside = f"timeout 5 bash -c '</dev/tcp/{figures}/8080' && echo open || echo shut"
    assert estate.on(WEB, inside) == "open\n", "servers of the department may use it as well"
    assert estate.on(FIGURES, inside.replace(f"{figures}/8080", f"{web}/443")) == "shut\n", (
        "and nobody said that the commune may use the department's"
    )


def test_keys_of_a_hub_change_and_connections_go_on(estate: Estate, router: Guest) -> None:
    target = address_of(estate, WEB)
    with Watch(router, target, 443) as watch:
        time.sleep(3)
        [turn] = estate.hoaban("vpn", "rotate", "vpn-1", "--routers")["rotated"]
        assert turn == {"host": "vpn-1", "interface": "wg-sites"}
        # Until its technician has typed the new key.
        until(lambda: "dev wg_vpn_2" in way(router, target))
        again = estate.hoaban("vpn", "site", OFFICE, "--format", "openwrt", "--show")
        assert again["new_key"] is False
        offices.change_keys(router, again["files"][0]["text"])
        until(lambda: "dev wg_vpn_1" in way(router, target))
        time.sleep(3)
        told(seen := watch.seen(), "keys of a hub were changed")
    assert seen.made > 50
    # The router is drained before; what is lost is lost where it was slow to go round.
    assert seen.longest < 10


def test_an_office_that_loses_one_hub_goes_by_the_other(estate: Estate, router: Guest) -> None:
    target = address_of(estate, WEB)
    hub = floating_ip_of(estate, "vpn-1")
    with Watch(router, target, 443) as watch:
        time.sleep(3)
        router.run(f"ip route add blackhole {hub}/32")
        try:
            until(lambda: "dev wg_vpn_2" in way(router, target))
            until(lambda: reaches(router, target, 443, own_address(router)), 30)
            told(seen := watch.seen(), "an office's way to the first hub was cut")
            # It is the only office: a hub that has none gives the shared address away.
            until(lambda: hubs(estate, "vpn-2")["vpn-2"]["virtual"]["held"])
        finally:
            router.run(f"ip route delete blackhole {hub}/32")
        until(lambda: "dev wg_vpn_1" in way(router, target))
        until(lambda: hubs(estate, "vpn-1")["vpn-1"]["virtual"]["held"])
    assert seen.longest < 20


def test_the_centre_reaches_what_is_open_to_it(estate: Estate, router: Guest) -> None:
    centre, web = router, address_of(estate, WEB)
    centre.run("swanctl --initiate --child net --timeout 30")
    assert reaches(centre, web, 443, centres.INSIDE)
    assert not reaches(centre, web, 8443, centres.INSIDE)
    assert not reaches(centre, address_of(estate, FIGURES), 8080, centres.INSIDE)
    kept = estate.on("vpn-1", "sudo ip xfrm state")
    assert "proto esp" in kept, "the kernel's own ESP"
    assert "rfc4106(gcm(aes))" in kept


def test_a_hub_dies_and_the_office_goes_on(estate: Estate, router: Guest) -> None:
    target = address_of(estate, WEB)
    until(lambda: "dev wg_vpn_1" in way(router, target))
    assert hubs(estate, "vpn-1")["vpn-1"]["virtual"]["held"]
    with Watch(router, target, 443) as watch:
        time.sleep(3)
        # At once, nothing is closed: as when its power fails.
        estate.on("vpn-1", "sudo systemd-run --on-active=1 sh -c 'echo o > /proc/sysrq-trigger'")
        until(lambda: "dev wg_vpn_2" in way(router, target))
        time.sleep(10)
        told(seen := watch.seen(), "a hub was killed")
    assert seen.longest < 30
    assert reaches(router, target, 443, own_address(router))
    assert hubs(estate, "vpn-2")["vpn-2"]["virtual"]["held"]


def told(seen: Watched, what: str) -> None:
    """Say what was measured."""
    print(
        f"MEASURED {what}: {seen.made} connections made, {seen.lost} not, "
        f"{seen.longest:.1f} s the longest time without a new one",
        flush=True,
    )
