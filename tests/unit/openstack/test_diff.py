"""Rules of comparison, and of what inputs are accepted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoaban.engine.values import UNKNOWN
from hoaban.openstack import addresses, keys
from hoaban.openstack.check import check_inputs
from hoaban.openstack.diff import changed_names, compare, without_ignored
from hoaban.openstack.schema import (
    Field,
    block,
    boolean,
    integer,
    mapping,
    number,
    object_set,
    objects,
    snake_case,
    string_set,
    strings,
    text,
)

FIELDS: tuple[Field, ...] = (
    text("name", computed=True),
    text("plain"),
    text("fixed", replaces=True),
    text("filled", computed=True),
    text("address", same=addresses.address),
    integer("size", required=True),
    number("factor"),
    boolean("on", default=True),
    mapping("labels"),
    strings("ordered"),
    string_set("unordered"),
    objects("cards", text("port", computed=True, replaces=True), boolean("first")),
    object_set("pools", text("start", required=True), integer("family", default=4)),
    block("limits", integer("most", replaces=True)),
    text("told", output=True),
)


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ({}, {}, {}),
        ({"plain": "a"}, {"plain": "a"}, {}),
        ({"plain": "a"}, {"plain": "b"}, {"plain": "update"}),
        ({}, {"plain": "b"}, {"plain": "add"}),
        ({"plain": ""}, {"plain": "b"}, {"plain": "add"}),
        ({"plain": "a"}, {}, {"plain": "delete"}),
        ({"plain": ""}, {}, {}),
        ({}, {"plain": ""}, {}),
        ({"filled": "a"}, {}, {}),
        ({"filled": "a"}, {"filled": "b"}, {"filled": "update"}),
        ({"fixed": "a"}, {"fixed": "b"}, {"fixed": "update-replace"}),
        ({"fixed": "a"}, {}, {"fixed": "delete-replace"}),
        ({}, {"fixed": "b"}, {"fixed": "add-replace"}),
        ({"fixed": "a"}, {"fixed": UNKNOWN}, {"fixed": "update-replace"}),
        ({"plain": "a"}, {"plain": UNKNOWN}, {"plain": "update"}),
        ({"address": "FD00:0::1"}, {"address": "fd00::1"}, {}),
        ({"size": 1.0}, {"size": 1}, {}),
        ({"size": 1}, {"size": 2}, {"size": "update"}),
        ({"on": True}, {}, {}),
        ({"on": False}, {}, {"on": "add"}),
        ({"on": True}, {"on": False}, {"on": "delete"}),
        ({"labels": {"a": "1"}}, {"labels": {"a": "2", "b": "3"}},
         {"labels.a": "update", "labels.b": "add"}),
        ({"labels": {"a": "1"}}, {}, {"labels.a": "delete"}),
        ({"ordered": ["a", "b"]}, {"ordered": ["b", "a"]},
         {"ordered[0]": "update", "ordered[1]": "update"}),
        ({"ordered": ["a"]}, {"ordered": ["a", "b"]}, {"ordered[1]": "add"}),
        ({"unordered": ["a", "b"]}, {"unordered": ["b", "a"]}, {}),
        ({"unordered": ["a", "b"]}, {"unordered": ["b"]}, {"unordered[0]": "delete"}),
        ({"unordered": ["a"]}, {"unordered": ["a", UNKNOWN]}, {"unordered": "update"}),
        ({"cards": [{"port": "p", "first": False}]}, {"cards": [{"port": "p"}]}, {}),
        ({"cards": [{"port": "p"}]}, {"cards": [{"first": True}]}, {"cards[0].first": "add"}),
        ({"cards": [{"port": "p"}]}, {"cards": [{"port": "q"}]},
         {"cards[0].port": "update-replace"}),
        ({"cards": [{"port": "p"}]}, {"cards": [{"port": "p"}, {"port": "q"}]},
         {"cards[1]": "add-replace"}),
        ({"pools": [{"start": "1", "family": 4}]}, {"pools": [{"start": "1"}]}, {}),
        ({"pools": [{"start": "1"}]}, {"pools": [{"start": "2"}]}, {"pools[0]": "update"}),
        ({"limits": {"most": 2}}, {"limits": {"most": 3}}, {"limits.most": "update-replace"}),
        ({"limits": {"most": 2}}, {}, {"limits": "delete-replace"}),
        ({"told": "a"}, {}, {}),
    ],
)  # fmt: skip
def test_comparison(old: dict[str, Any], new: dict[str, Any], changes: dict[str, str]) -> None:
    found = compare(FIELDS, old, new)
    assert {path: kind.value for path, kind in found.items()} == changes


def test_ignored_changes() -> None:
    old = {"labels": {"a": "1", "b": "1"}, "cards": [{"port": "p"}], "plain": "x"}
    new = {"labels": {"a": "2", "b": "2"}, "cards": [{"port": "q"}], "plain": "y"}
    found = compare(FIELDS, old, new)
    assert changed_names(without_ignored(found, ["labels.a", "cards"])) == {"labels", "plain"}
    assert without_ignored(found, ["labels.a", "cards"]).keys() == {"labels.b", "plain"}
    assert without_ignored(found, ["labels[*]", "cards[0].port", "plain"]) == {}
    assert without_ignored(found, ["*"]) == {}


values = st.fixed_dictionaries(
    {"size": st.integers(1, 9)},
    optional={
        "plain": st.text("ab", max_size=2),
        "on": st.booleans(),
        "labels": st.dictionaries(st.sampled_from("xyz"), st.text("ab", max_size=2)),
        "ordered": st.lists(st.sampled_from("abc"), max_size=3),
        "unordered": st.lists(st.sampled_from("abc"), max_size=3, unique=True),
        "pools": st.lists(
            st.fixed_dictionaries({"start": st.sampled_from("12")}), max_size=2, unique_by=str
        ),
    },
)


@given(values)
def test_nothing_differs_from_itself(asked: dict[str, Any]) -> None:
    checked = check_inputs(FIELDS, "urn::n", {}, asked, named=True)
    assert not checked.failures
    assert compare(FIELDS, checked.inputs, checked.inputs) == {}


@given(values, values)
def test_a_change_there_and_back_are_both_seen(one: dict[str, Any], two: dict[str, Any]) -> None:
    one, two = (check_inputs(FIELDS, "urn::n", {}, it, named=False).inputs for it in (one, two))
    there = compare(FIELDS, one, two)
    back = compare(FIELDS, two, one)
    assert changed_names(there) == changed_names(back)


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        ({}, "size is required"),
        ({"size": "ten"}, "expected a integer"),
        ({"size": 1.5}, "expected a integer"),
        ({"size": True}, "expected a integer"),
        ({"size": 1, "on": "maybe"}, "expected a boolean"),
        ({"size": 1, "labels": ["a"]}, "expected a map"),
        ({"size": 1, "labels": {"a": ["b"]}}, "expected a string"),
        ({"size": 1, "ordered": "a"}, "expected a list"),
        ({"size": 1, "cards": ["p"]}, "expected an object"),
        ({"size": 1, "cards": [{"prt": "p"}]}, "did you mean port"),
        ({"size": 1, "pools": [{}]}, "start is required"),
        ({"size": 1, "told": "x"}, "there is no input told"),
    ],
)
def test_refused(given_: dict[str, Any], reason: str) -> None:
    failures = check_inputs(FIELDS, "urn::n", {}, given_, named=True).failures
    assert any(reason in failure.reason for failure in failures), failures


def test_accepted_in_their_kinds() -> None:
    asked = {"size": "7", "factor": "1.5", "on": "true", "labels": {"n": 1}, "plain": 2.0}
    inputs = check_inputs(FIELDS, "urn::n", {}, asked, named=True).inputs
    assert inputs["size"] == 7
    assert inputs["factor"] == 1.5
    assert inputs["on"] is True
    assert inputs["labels"] == {"n": "1"}
    assert inputs["plain"] == "2"


def test_name_is_made_up_once() -> None:
    first = check_inputs(FIELDS, "urn:pulumi:a::b::c::net", {}, {"size": 1}, named=True).inputs
    assert first["name"].startswith("net-")
    assert len(first["name"]) == len("net-") + 7
    assert first["__defaults"] == ["name", "on"]
    again = check_inputs(FIELDS, "urn:pulumi:a::b::c::net", first, {"size": 2}, named=True).inputs
    assert again["name"] == first["name"]
    other = check_inputs(FIELDS, "urn:pulumi:a::b::c::net", {}, {"size": 1}, named=True).inputs
    assert other["name"] != first["name"], "a replacement has a name of its own"
    own = check_inputs(FIELDS, "urn::n", first, {"size": 1, "name": "mine"}, named=True).inputs
    assert own["name"] == "mine"
    back = check_inputs(FIELDS, "urn::net", own, {"size": 1}, named=True).inputs
    assert back["name"] != "mine", "a person's name is not kept as one that was made up"


@pytest.mark.parametrize(
    ("name", "api"),
    [
        ("adminStateUp", "admin_state_up"),
        ("ipv6RaMode", "ipv6_ra_mode"),
        ("accessIpV4", "access_ip_v4"),
        ("mtu", "mtu"),
    ],
)
def test_names_of_the_api(name: str, api: str) -> None:
    assert snake_case(name) == api


@given(st.text(min_size=1))
def test_every_key_is_a_legal_mark(key: str) -> None:
    made = keys.mark(key)
    assert keys.is_mark(made)
    assert len(made) <= 60
    assert not set(made) & set("/,")
    assert keys.mark(made) == made


def test_marks_are_told_from_tags() -> None:
    mark = keys.mark("hoaban:" + "0" * 32)
    assert keys.own(["b", mark, "a", "hoaban", "hoaban:mine"]) == [
        "a",
        "b",
        "hoaban",
        "hoaban:mine",
    ]
    assert keys.marks(["b", mark]) == [mark]
