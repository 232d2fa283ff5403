"""Which way packets to the tried addresses go, in network namespaces of the tests' own."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from hoaban.verify import routes
from hoaban.verify.routes import Vantage, beside, leads_to, own_address
from tests.unit.apart import printed_apart

if TYPE_CHECKING:
    import pytest

LEGS = """\
import json, subprocess, sys
from ipaddress import ip_address
from hoaban.verify.routes import Vantage

def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout

ip("link", "add", "outer", "type", "veth", "peer", "name", "inner")
for leg in ("outer", "inner"):
    ip("link", "set", leg, "up")
ip("address", "add", "192.0.2.1/24", "dev", "outer")
ip("address", "add", "2001:db8::1/64", "dev", "outer", "nodad")
"""


def told_by(program: str) -> Any:
    """What a program prints as JSON when it runs beside a router, with leg ``outer``."""
    return json.loads(printed_apart(LEGS + program))


def test_private_addresses_need_a_route_of_their_own() -> None:
    assert leads_to(ip_address("127.0.0.5"))
    assert leads_to(ip_address("1.1.1.1"))
    assert not leads_to(ip_address("203.0.113.10"))
    assert not leads_to(ip_address("2001:db8::1"))


def test_only_a_network_with_a_leg_is_beside() -> None:
    assert beside(ip_address("127.0.0.5"))
    assert not beside(ip_address("203.0.113.10"))
    assert own_address(ip_address("127.0.0.5")) == ip_address("127.0.0.1")


def test_marked_packets_alone_are_handed_to_the_router() -> None:
    found = told_by("""
inner = ip_address("10.64.0.10")
with Vantage([ip_address("192.0.2.2"), ip_address("2001:db8::2")]) as vantage:
    mark = hex(vantage.mark_for(inner))
    print(json.dumps({
        "reaches": [vantage.reaches(a) for a in (inner, ip_address("fd64::a"))],
        "from": str(vantage.own_address(inner)),
        "neighbour": vantage.mark_for(ip_address("192.0.2.9")),
        "marked": json.loads(ip("-json", "route", "get", str(inner), "mark", mark))[0]["gateway"],
        "plain": subprocess.run(["ip", "route", "get", str(inner)], capture_output=True).returncode,
    }))
""")
    assert found == {
        "reaches": [True, True],
        "from": "192.0.2.1",
        "neighbour": 0,
        "marked": "192.0.2.2",
        "plain": 2,
    }


def test_nothing_is_left_behind() -> None:
    found = told_by("""
before = ip("rule"), ip("-6", "rule"), ip("route", "show", "table", "all")
with Vantage([ip_address("192.0.2.2")]) as vantage:
    during = ip("rule")
after = ip("rule"), ip("-6", "rule"), ip("route", "show", "table", "all")
print(json.dumps([during != before[0], after == before, vantage.reaches(ip_address("10.64.0.10"))]))
""")
    assert found == [True, True, False]


def test_two_at_once_have_ways_of_their_own() -> None:
    found = told_by("""
inner = ip_address("10.64.0.10")
def way(vantage):
    words = ("-json", "route", "get", str(inner), "mark", hex(vantage.mark_for(inner)))
    return json.loads(ip(*words))[0]["gateway"]
before = ip("rule"), ip("route", "show", "table", "all")
first = Vantage([ip_address("192.0.2.2")])
second = Vantage([ip_address("192.0.2.3")])
with first:
    second.__enter__()
    both = [way(first), way(second)]
    second.__exit__()
    alone = way(first)
    with Vantage([ip_address("192.0.2.4")]) as third:
        again = [way(first), way(third)]
after = ip("rule"), ip("route", "show", "table", "all")
print(json.dumps({"both": both, "alone": alone, "again": again, "clean": after == before}))
""")
    assert found == {
        "both": ["192.0.2.2", "192.0.2.3"],
        "alone": "192.0.2.2",
        "again": ["192.0.2.2", "192.0.2.4"],
        "clean": True,
    }


def test_what_another_made_is_not_taken_away() -> None:
    found = told_by("""
vantage = Vantage([ip_address("192.0.2.2")])
table = str(vantage._mark)
ip("route", "add", "default", "via", "192.0.2.9", "table", table)
with vantage:
    reached = vantage.reaches(ip_address("10.64.0.10"))
kept = json.loads(ip("-json", "route", "show", "table", table))[0]["gateway"]
print(json.dumps([reached, kept]))
""")
    assert found == [False, "192.0.2.9"]


def test_marks_fit_whatever_the_number_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getpid", lambda: (1 << 22) - 1)
    marks = {routes._unique() for _ in range(1000)}
    assert len(marks) == 1000
    assert 255 < min(marks) <= max(marks) < 1 << 32


def test_a_router_elsewhere_is_no_way() -> None:
    found = told_by("""
with Vantage([ip_address("198.51.100.2")]) as vantage:
    print(json.dumps(vantage.reaches(ip_address("10.64.0.10"))))
""")
    assert found is False


def test_elsewhere_nothing_changes() -> None:
    with Vantage([ip_address("203.0.113.2")]) as vantage:
        assert vantage.mark_for(ip_address("203.0.113.10")) == 0
        assert not vantage.reaches(ip_address("203.0.113.10"))
