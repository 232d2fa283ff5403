"""The address plan: stable for ever, and no two networks overlap."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hoaban.errors import HoabanError, ManyErrors
from hoaban.model import allocation
from hoaban.model.addresses import AddressPlan, capacity, overlaps
from hoaban.model.ledger import Book, Key, Ledger, needed
from hoaban.model.spec import AgencySpec, ProvinceSpec
from hoaban.model.types import Zone

POOLS = {
    "province": {"ipv4": "10.1.0.0/22", "ipv6": "fd00:0:1::/60"},
    "agencies": {"ipv4": "10.2.0.0/20", "ipv6": "fd00:0:2::/52"},
    "sites": {"ipv4": "10.3.0.0/21", "ipv6": "fd00:0:3::/59"},
}


def province(pools: dict[str, Any] = POOLS) -> ProvinceSpec:
    return ProvinceSpec.model_validate(
        {
            "slug": "tinh",
            "name": {"vi": "t", "en": "t"},
            "domain": "t.example",
            "cloud": {"name": "lab", "external_network": "public"},
            "pools": pools,
            "sizes": {"tiny": {"vcpus": 1, "ram_mb": 512, "disk_gb": 2}},
            "admin_networks": ["192.0.2.0/24"],
            "hosts": {"bastion": {"size": "tiny", "services": ["bastion", "time"]}},
        }
    )


def agency(slug: str, sites: int = 1, **tiers: int) -> AgencySpec:
    """An agency with some offices, and one system with so many servers in each tier."""
    tier = {"size": "tiny", "ports": [{"port": 80}]}
    systems = [
        {
            "slug": "he",
            "name": {"vi": "h", "en": "h"},
            "tiers": {zone: {**tier, "count": count} for zone, count in tiers.items()},
        }
    ]
    return AgencySpec.model_validate(
        {
            "slug": slug,
            "name": {"vi": "a", "en": "a"},
            "kind": "commune",
            "users": 1,
            "sites": [
                {
                    "slug": f"s{number}",
                    "name": {"vi": "s", "en": "s"},
                    "address": "a",
                }
                for number in range(sites)
            ],
            "systems": systems if tiers else [],
        }
    )


def plan(*agencies: AgencySpec) -> AddressPlan:
    book = Book()
    allocation.allocate(book, province(), {one.slug: one for one in agencies})
    return AddressPlan(province().pools, book)


def test_networks_of_an_agency_are_cut_from_its_block() -> None:
    addresses = plan(agency("a", web=1), agency("b", data=2))
    assert addresses.block("b") == (IPv4Network("10.2.1.0/24"), IPv6Network("fd00:0:2:100::/56"))
    assert [str(addresses.zone("b", zone).ipv4) for zone in Zone] == [
        "10.2.1.0/26",
        "10.2.1.64/26",
        "10.2.1.128/26",
    ]
    assert str(addresses.zone("b", Zone.DATA).ipv6) == "fd00:0:2:102::/64"
    assert str(addresses.site("b", "s0").ipv4) == "10.3.0.64/26"
    assert [str(one) for one in addresses.host("b", Zone.DATA, "he-2")] == [
        "10.2.1.139",
        "fd00:0:2:102::b",
    ]
    assert [str(one) for one in addresses.zone("b", Zone.DATA).gateways()] == [
        "10.2.1.129",
        "fd00:0:2:102::1",
    ]


def test_all_zones_of_the_province_have_their_place_from_the_start() -> None:
    names = [segment.name for segment in plan().segments()]
    assert names == [
        f"zone `{zone}` of the province"
        for zone in ("management", "services", "vpn", "pki", "exchange")
    ]


def test_a_full_pool_names_pool_need_and_mend() -> None:
    many = {f"a{number}": agency(f"a{number}") for number in range(18)}
    book = Book()
    with pytest.raises(HoabanError) as caught:
        allocation.allocate(book, province(), many)
    assert str(caught.value) == (
        "pool `agencies` is too small: 10.2.0.0/20 and fd00:0:2::/52 have room for 16 networks "
        "(/24 and /56), 2 more needed, first for agency `a8`\n"
        "  mend: widen the pool, keeping its first address; or free what is retired: "
        "hoaban address show --retired"
    )
    assert not book.indexes


def test_several_full_pools_are_told_at_once() -> None:
    many = {f"a{number}": agency(f"a{number}", sites=3) for number in range(18)}
    with pytest.raises(ManyErrors) as caught:
        allocation.allocate(Book(), province(), many)
    assert len(caught.value.errors) == 2


def test_a_full_network_names_the_host() -> None:
    with pytest.raises(
        HoabanError, match=r"no address left for host `a-he-46` in zone `web` and 4"
    ):
        plan(agency("a", web=50))


def test_the_scarcer_family_limits_a_pool() -> None:
    pools = {**POOLS, "agencies": {"ipv4": "10.2.0.0/20", "ipv6": "fd00:0:2::/54"}}
    assert capacity(province(pools).pools, Key("agency", "a")) == range(4)


def test_release_frees_only_what_has_left() -> None:
    book = Book()
    both = {"a": agency("a", web=2), "b": agency("b")}
    allocation.allocate(book, province(), both)
    left = {"b": agency("b")}
    with pytest.raises(HoabanError, match="`b` is in use"):
        allocation.release(book, province(), left, ["b"])
    with pytest.raises(HoabanError, match="no retired `aa`") as caught:
        allocation.release(book, province(), left, ["aa"])
    assert caught.value.mend == "did you mean `a`?"
    freed = allocation.release(book, province(), left, ["a"])
    assert {allocation.label(key) for key in freed} == {
        "a",
        "a/s0",
        "a-he-web-1",
        "a-he-web-2",
    }
    given = allocation.allocate(book, province(), {**left, "c": agency("c")})
    assert given[Key("agency", "c")] == 0


def test_one_host_alone_can_be_released() -> None:
    book = Book()
    allocation.allocate(book, province(), {"a": agency("a", web=3)})
    smaller = {"a": agency("a", web=2)}
    freed = allocation.release(book, province(), smaller, ["a-he-web-3"])
    assert freed == [Key("host", "a", "he-3", "web")]


networks = st.builds(
    lambda start, prefix: ip_network((start << 16, prefix), strict=False),
    st.integers(0x0A00, 0x0A0F),
    st.integers(12, 32),
)


@given(st.lists(networks, max_size=8))
def test_the_sweep_finds_an_overlap_where_comparing_all_pairs_does(
    found: list[IPv4Network],
) -> None:
    named = [(str(number), network) for number, network in enumerate(found)]
    pairs = [(a, b) for (_, a), (_, b) in combinations(named, 2) if a.overlaps(b)]
    told = overlaps(named)
    assert bool(told) == bool(pairs)
    assert all(first[1].overlaps(second[1]) for first, second in told)


def test_families_do_not_overlap() -> None:
    assert not overlaps([("a", ip_network("0.0.0.0/0")), ("b", ip_network("::/0"))])


class Years(RuleBasedStateMachine):
    """Years of an inventory: agencies, offices and servers come and go in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.agencies: dict[str, AgencySpec] = {}
        self.once: dict[Key, int] = {}

    slugs = st.sampled_from([f"a{number}" for number in range(20)])
    counts = st.integers(0, 4)

    @rule(slug=slugs, sites=st.integers(0, 3), web=counts, app=counts, data=counts)
    def put(self, slug: str, sites: int, web: int, app: int, data: int) -> None:
        tiers = {"web": web, "app": app, "data": data}
        wanted = {zone: count for zone, count in tiers.items() if count}
        self.agencies[slug] = agency(slug, sites, **wanted)

    @precondition(lambda self: self.agencies)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        del self.agencies[data.draw(st.sampled_from(sorted(self.agencies)))]

    @rule()
    def allocate(self) -> None:
        before = dict(self.book.indexes)
        try:
            given = allocation.allocate(self.book, province(), self.agencies)
        except HoabanError:
            assert self.book.indexes == before, "a failed allocation must change nothing"
            return
        assert not allocation.missing(self.book, province(), self.agencies)
        assert self.book.indexes == before | given
        self.once.update(given)

    @precondition(lambda self: allocation.retired(self.book, province(), self.agencies))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        gone = allocation.retired(self.book, province(), self.agencies)
        name = allocation.label(data.draw(st.sampled_from(gone)))
        freed = allocation.release(self.book, province(), self.agencies, [name])
        assert freed
        for key in freed:
            del self.once[key]

    @invariant()
    def nobody_is_renumbered(self) -> None:
        assert self.book.indexes == self.once

    @invariant()
    def no_two_networks_overlap(self) -> None:
        assert not overlaps(AddressPlan(province().pools, self.book).networks())

    @invariant()
    def no_two_hosts_share_an_address_or_have_the_router_s(self) -> None:
        addresses = AddressPlan(province().pools, self.book)
        seen = set()
        for key in self.book.indexes:
            if key.kind != "host" or Key("agency", key.owner) not in self.book.indexes:
                continue
            zone = Zone(key.zone)
            network = addresses.zone(key.owner, zone)
            for address, block in zip(
                addresses.host(key.owner, zone, key.name), network, strict=True
            ):
                offset = int(address) - int(block.network_address)
                assert address in block
                assert 10 <= offset <= 54
                assert address not in seen
                seen.add(address)


TestYears = Years.TestCase
TestYears.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)


def test_the_ledger_s_file_says_the_same_as_the_table() -> None:
    book = Book()
    allocation.allocate(book, province(), {"a": agency("a", web=1, data=2)})
    ledger = Ledger.model_validate(
        {
            "province": {
                "management": {"index": 0, "hosts": {"bastion": 10}},
                "services": {"index": 1},
                "vpn": {"index": 2},
                "pki": {"index": 3},
                "exchange": {"index": 4},
            },
            "agencies": {
                "a": {
                    "block": 0,
                    "sites": {"s0": 0},
                    "hosts": {"web": {"he-1": 10}, "data": {"he-1": 10, "he-2": 11}},
                }
            },
        }
    )
    assert Book.open(ledger) == book
    assert set(needed(province(), {"a": agency("a", web=1, data=2)})) == set(book.indexes)
