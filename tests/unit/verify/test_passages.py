"""The forward chain of a gateway, as the kernel lists it."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from hoaban.model.environment import ForwardRule
from hoaban.plugins.filter.firewall import nft_forward
from hoaban.verify.passages import passage_of
from hoaban.verify.ruleset import read

DATA = Path(__file__).parent / "data"
ACCEPT = {"accept": None}
RULES: list[dict[str, Any]] = json.loads((DATA / "forward_rules.json").read_text())
PLANNED = {
    passage_of(
        ForwardRule.model_validate_json(json.dumps(one | {"reason": {"vi": "a", "en": "a"}}))
    )
    for one in RULES
}


@pytest.fixture
def listing() -> dict[str, Any]:
    """What nft 1.0.6 lists of the rules that the role's filter makes of RULES."""
    made: dict[str, Any] = json.loads((DATA / "forward.json").read_text())
    return made


def forward(listing: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules that pass something on, to be changed."""
    rules = [item["rule"] for item in listing["nftables"] if "rule" in item]
    return [rule for rule in rules if str(rule.get("comment")).startswith("office")]


def test_the_kernels_own_listing_is_understood(listing: dict[str, Any]) -> None:
    """Neighbouring addresses come back as one range: 10.64.0.10/31 and .12 as .10 to .12."""
    reading = read(listing)
    assert reading.passed == PLANNED
    assert (reading.strange, reading.open_hooks, reading.loaded) == ([], [], set())


def test_one_of_many_is_written_without_a_set() -> None:
    assert nft_forward(RULES[2]) == "ip saddr 10.65.0.0/26 ip daddr 10.64.1.10/32 udp dport 514"
    assert nft_forward(RULES[1]).startswith("ip6 saddr { fd5a:51a0:65::/63, fd5a:51a0:65:3::/64 }")


@pytest.mark.parametrize(
    ("number", "right"),
    [
        (0, {"set": [{"prefix": {"addr": "10.65.0.0", "len": 16}}]}),
        (1, {"set": [{"range": ["10.64.0.10", "10.64.0.13"]}]}),
        (2, {"set": [80, 443, 8080]}),
        (2, {"range": [80, 443]}),
    ],
)
def test_more_than_planned_is_another_passage(
    listing: dict[str, Any], number: int, right: Any
) -> None:
    forward(listing)[0]["expr"][number]["match"]["right"] = right
    reading = read(listing)
    assert len(reading.passed - PLANNED) == 1
    assert len(PLANNED - reading.passed) == 1


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_rule_without_source_destination_or_port_is_strange(
    listing: dict[str, Any], number: int
) -> None:
    del forward(listing)[0]["expr"][number]
    reading = read(listing)
    assert len(reading.strange) == 1
    assert len(reading.passed) == len(PLANNED) - 1


@pytest.mark.parametrize(
    "right",
    [
        "@office",
        {"set": []},
        {"set": ["10.64.0.10", "fd00::1"]},
        {"range": ["10.64.0.10", "fd00::1"]},
        {"range": ["10.64.0.10"]},
        {"set": [{"concat": ["10.64.0.10", 80]}]},
        "fd00::1",
        None,
    ],
)
def test_a_network_that_is_none_is_strange(listing: dict[str, Any], right: Any) -> None:
    forward(listing)[0]["expr"][0]["match"]["right"] = right
    assert len(read(listing).strange) == 1


@pytest.mark.parametrize("right", [{"set": []}, {"range": [443, 80]}, -1, "http", {"set": ["a"]}])
def test_ports_that_are_none_are_strange(listing: dict[str, Any], right: Any) -> None:
    forward(listing)[0]["expr"][2]["match"]["right"] = right
    assert len(read(listing).strange) == 1


def state(right: Any) -> dict[str, Any]:
    return {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": right}}


@pytest.mark.parametrize(
    "statements",
    [
        [ACCEPT],
        [state(["established", "new"]), ACCEPT],
        [state("established"), {"drop": None}],
        [{"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "lo"}}, ACCEPT],
        [{"jump": {"target": "x"}}],
        [{"counter": None}, {"queue": None}, ACCEPT],
    ],
)
def test_other_rules_of_the_chain_are_strange(
    listing: dict[str, Any], statements: list[Any]
) -> None:
    rule = deepcopy(forward(listing)[0]) | {"expr": statements}
    listing["nftables"].append({"rule": rule})
    assert len(read(listing).strange) == 1
