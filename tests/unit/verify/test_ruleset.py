"""Listings of the packet filter are understood, or told to be strange; nothing else happens."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoaban.inventory.fleet import Fleet
from hoaban.testing import measured
from hoaban.verify.agents import facts
from hoaban.verify.ruleset import HOOKS, difference, match_of, read

if TYPE_CHECKING:
    from hoaban.workspace import Workspace

DATA = Path(__file__).parent / "data"
HOST = "so-y-te-portal-app-1"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace of its own, as root")
ACCEPT: dict[str, Any] = {"accept": None}


def listing(name: str) -> Any:
    return json.loads((DATA / name).read_text())


def match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def port(field: str, right: Any, protocol: str = "udp", op: str = "==") -> dict[str, Any]:
    return match({"payload": {"protocol": protocol, "field": field}}, right, op)


def meta(key: str, right: Any, op: str = "==") -> dict[str, Any]:
    return match({"meta": {"key": key}}, right, op)


def state(right: Any, op: str = "in") -> dict[str, Any]:
    return match({"ct": {"key": "state"}}, right, op)


def one(*statements: Any, chain: str = "input") -> Any:
    rule = {"family": "inet", "table": "hoaban", "chain": chain, "expr": list(statements)}
    return {"nftables": [{"rule": rule}]}


def test_the_kernels_own_listing_is_understood(provisioned: Workspace) -> None:
    """A listing of nft 1.0.6 of the rule set that the role makes for one host of the estate."""
    reading = read(listing("ruleset.json"))
    assert reading.strange == []
    assert reading.open_hooks == []
    assert reading.loaded == {match_of(rule) for rule in Fleet.read(provisioned).host(HOST).rules}


def test_each_rule_made_by_hand_is_strange_or_a_flow() -> None:
    """A listing of nft 1.0.6 of a table that was opened in every way that came to mind."""
    made = listing("hand-made.json")
    reading = read(made)
    objects = [item for item in made["nftables"] if "metainfo" not in item]
    closed = [item for item in objects if item.get("chain", {}).get("name") == "input"]
    flows = {str(flow) for flow in reading.loaded}
    assert flows == {"ingress tcp 1000-2000 0.0.0.0/0", "ingress tcp 1000-2000 ::/0",
                     "ingress icmp ::/0"}  # fmt: skip
    assert len(reading.strange) == len(objects) - len(closed) - 2
    assert reading.open_hooks == ["forward", "output"]


@pytest.mark.parametrize(
    "statements",
    [
        [state("established"), ACCEPT],
        [state({"set": ["established", "related"]}, "=="), ACCEPT],
        [state("established"), port("dport", 22), ACCEPT],
        [meta("iif", "lo"), ACCEPT],
        [port("sport", 67), port("dport", 68), ACCEPT],
        [state("invalid"), {"drop": None}],
        [{"counter": {"packets": 1, "bytes": 2}}],
        [port("dport", {"set": [1, 2]}), {"limit": {"rate": 1}}, {"log": None}],
    ],
)
def test_what_every_host_needs_is_neither_a_flow_nor_strange(statements: list[Any]) -> None:
    reading = read(one(*statements))
    assert (reading.loaded, reading.strange) == (set(), [])


@pytest.mark.parametrize(
    "statements",
    [
        [state("established", "!="), ACCEPT],
        [state(["established", "new"]), ACCEPT],
        [state({"set": [["new"], {}]}), ACCEPT],
        [state([]), ACCEPT],
        [meta("iifname", "lo", "!="), ACCEPT],
        [meta("oif", "lo"), ACCEPT],
        [port("type", "nd-redirect", "icmpv6"), ACCEPT],
        [port("type", "nd-neighbor-solicit", "icmpv6", "!="), ACCEPT],
        [port("sport", 67), ACCEPT],
        [port("sport", 68), port("dport", 67), ACCEPT],
        [port("sport", {"set": [67]}), port("dport", 68), ACCEPT],
        [port("sport", 67, op="!="), port("dport", 68), ACCEPT],
        [port("dport", {"set": [80, 443]}, "tcp"), ACCEPT],
        [port("dport", {"range": [1]}, "tcp"), ACCEPT],
        [port("dport", {"range": ["a", "b"]}, "tcp"), ACCEPT],
        [port("dport", 70000, "tcp"), ACCEPT],
        [port("dport", 22, "tcp", "!="), ACCEPT],
        [port("dport", 22, "tcp"), port("dport", 23, "tcp"), ACCEPT],
        [port("saddr", {"set": ["10.0.0.1"]}, "ip"), port("dport", 22, "tcp"), ACCEPT],
        [port("saddr", {"prefix": {}}, "ip"), port("dport", 22, "tcp"), ACCEPT],
        [port("saddr", {"prefix": {"addr": "x", "len": 8}}, "ip"), port("dport", 2), ACCEPT],
        [port("saddr", "02:00:00:00:00:01", "ether"), port("dport", 22, "tcp"), ACCEPT],
        [port("saddr", "10.0.0.1", "ip"), ACCEPT],
        [meta("l4proto", "gre"), ACCEPT],
        [meta("l4proto", 47), ACCEPT],
        [meta("l4proto", {"set": ["icmp", "tcp"]}), ACCEPT],
        [meta("nfproto", 2), meta("l4proto", "tcp"), ACCEPT],
        [meta("nfproto", "ipv4"), meta("l4proto", "ipv6-icmp"), ACCEPT],
        [ACCEPT],
        [{"jump": {"target": "extra"}}],
        [{"goto": {"target": "extra"}}],
        [{"vmap": {"key": {}, "data": {"set": [[22, ACCEPT]]}}}],
        [{"queue": {"num": 1}}],
        [{"xt": None}],
        [port("dport", 443, "tcp"), {"drop": None}],
        [{"drop": None}],
        [None],
        ["accept"],
        [{}],
        [{"match": 5}, ACCEPT],
        [{"match": {"op": "==", "left": 5, "right": None}}, ACCEPT],
        [{"accept": None, "counter": None}],
    ],
    ids=json.dumps,
)  # fmt: skip
def test_what_is_not_known_is_strange(statements: list[Any]) -> None:
    reading = read(one(*statements))
    assert reading.loaded == set()
    assert len(reading.strange) == 1


@pytest.mark.parametrize(
    "item",
    [
        {"table": {"family": "inet", "name": "hoaban", "flags": ["dormant"]}},
        {"table": {"family": "ip", "name": "hoaban"}},
        {"chain": {"family": "inet", "table": "hoaban", "name": "extra"}},
        {"chain": {"family": "inet", "table": "hoaban", "name": "early", "hook": "input"}},
        {"rule": {"family": "inet", "table": "hoaban", "chain": "extra", "expr": [ACCEPT]}},
        {"rule": {"family": "inet", "table": "hoaban", "chain": "forward", "expr": [ACCEPT]}},
        {"rule": {"family": "inet", "table": "hoaban", "chain": ["input"], "expr": None}},
        {"rule": {"family": "ip", "table": "hoaban", "chain": "input", "expr": []}},
        {"flowtable": {"family": "inet", "table": "hoaban", "name": "fast"}},
    ],
)
def test_whatever_else_the_table_holds_is_strange(item: Any) -> None:
    assert len(read({"nftables": [item]}).strange) == 1


def test_tables_of_others_are_theirs() -> None:
    theirs = {"family": "inet", "table": "tracking", "chain": "input", "expr": [ACCEPT]}
    reading = read({"nftables": [{"rule": theirs}, {"table": {"name": "tracking"}}]})
    assert (reading.loaded, reading.strange, reading.objects) == (set(), [], [])


@pytest.mark.parametrize("change", [{"policy": "accept"}, {"hook": "output"}, {"type": "nat"},
                                    {"family": "ip"}, {"name": ["input"]}])  # fmt: skip
def test_a_chain_that_does_not_drop_is_told(change: dict[str, Any]) -> None:
    made = measured.ruleset([])
    made["nftables"][0]["chain"].update(change)
    assert read(made).open_hooks == ["input"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4)
    | st.sampled_from(["==", "in", "hoaban", "inet", "input", "payload", "dport", "tcp", "saddr"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["match", "op", "left", "right", "payload", "meta", "ct", "key", "field",
                         "protocol", "set", "prefix", "range", "accept", "addr", "len"]),
        inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@given(ANYTHING, ANYTHING)
def test_nothing_that_a_host_tells_is_an_error(left: Any, right: Any) -> None:
    for told in (left, {"nftables": left}, {"nftables": [left]}, {"nftables": [{"rule": left}]}):
        assert read(told).open_hooks == list(HOOKS)
    for statements in ([left, ACCEPT], [match(left, right), ACCEPT], [port("dport", right)]):
        read(one(*statements))
        read(one(*statements, chain="output"))
    read(one(port("saddr", right, "ip"), match({"payload": left}, right), ACCEPT))


def test_two_loadings_of_the_same_rules_do_not_differ() -> None:
    first = listing("ruleset.json")
    second = copy.deepcopy(first)
    for item in second["nftables"]:
        for inner in item.values():
            inner["handle"] = inner.get("handle", 0) + 40
            for statement in inner.get("expr", []):
                if "counter" in statement:
                    statement["counter"] = {"packets": 7, "bytes": 420}
    assert first != second
    assert difference(read(first).objects, read(second).objects) == []


def test_an_added_a_missing_and_a_moved_rule_are_differences() -> None:
    first = listing("ruleset.json")
    added = copy.deepcopy(first)
    added["nftables"] += one(ACCEPT)["nftables"]
    assert len(difference(read(first).objects, read(added).objects)) == 1
    assert len(difference(read(added).objects, read(first).objects)) == 1
    moved = copy.deepcopy(first)
    moved["nftables"].reverse()
    assert difference(read(first).objects, read(moved).objects) == ["order"]


def test_words_of_a_host_hold_no_control_characters() -> None:
    (words,) = read(one({"\x1b[2J": "\n" * 500})).strange
    assert words.isprintable()
    assert len(words) <= 160


@AS_ROOT
def test_the_agent_tries_the_file_where_it_touches_nothing(tmp_path: Path) -> None:
    file = tmp_path / "nftables.conf"
    file.write_text("table inet hoaban { chain input { tcp dport 22 accept\n }\n }\n")
    told = facts.filter_file(str(file))
    assert told["error"] == ""
    assert {str(flow) for flow in read(told["ruleset"]).loaded} == {
        "ingress tcp 22 0.0.0.0/0",
        "ingress tcp 22 ::/0",
    }
    assert "hoaban" not in facts.command("nft", "list", "tables")["out"]


@AS_ROOT
@pytest.mark.parametrize("words", ["table inet hoaban { chain", None])
def test_the_agent_says_why_a_file_gives_no_rules(tmp_path: Path, words: str | None) -> None:
    file = tmp_path / "nftables.conf"
    if words is not None:
        file.write_text(words)
    told = facts.filter_file(str(file))
    assert told["ruleset"] is None
    assert str(file) in told["error"]
