"""Values on the wire, paths to properties, secrets through provider calls."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from hoaban.engine.embedded import paths
from hoaban.engine.embedded.properties import (
    ASSET_SIGNATURE,
    OUTPUT_SIGNATURE,
    RESOURCE_SIGNATURE,
    SIGNATURE,
    UNKNOWN_STRING,
    contains_secret,
    contains_unknown,
    for_provider,
    keep_secrets,
    mark_secret,
    mask,
    normalise,
    reveal,
)
from hoaban.engine.embedded.wire import from_struct, to_struct
from hoaban.engine.values import UNKNOWN, Asset, Secret
from hoaban.errors import HoabanError

HERE = Path(__file__).parent

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer())
    | st.just(UNKNOWN),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
values = st.recursive(
    plain | plain.map(Secret),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
maps = st.dictionaries(st.text(max_size=5), values, max_size=4)


@given(maps)
def test_wire_round_trip(value: dict[str, Any]) -> None:
    assert from_struct(to_struct(value), HERE) == value


@given(maps)
def test_nothing_secret_is_shown_or_given_away(value: dict[str, Any]) -> None:
    assert not contains_secret(mask(value))
    assert not contains_secret(reveal(value))
    assert contains_unknown(reveal(value)) == contains_unknown(value)
    given_away = for_provider(value, urn="u")
    assert not contains_secret(given_away)
    assert given_away == reveal(value)


@given(maps)
def test_an_echo_is_as_secret_as_what_was_sent(value: dict[str, Any]) -> None:
    """A provider that answers its inputs: wherever they were secret, the answer is."""
    answer = keep_secrets(reveal(value), value)
    assert reveal(answer) == reveal(value)
    for key, sent in value.items():
        assert contains_secret(answer[key]) == contains_secret(sent)


def test_numbers_are_whole_where_they_can_be() -> None:
    struct = struct_pb2.Struct()
    struct.update({"port": 443, "share": 0.5})
    found = from_struct(struct, HERE)
    assert isinstance(found["port"], int)
    assert found == {"port": 443, "share": 0.5}
    assert isinstance(normalise({"n": 3.0})["n"], int)


def test_output_values() -> None:
    known = {SIGNATURE: OUTPUT_SIGNATURE, "value": 5, "dependencies": ["u"]}
    secret = {SIGNATURE: OUTPUT_SIGNATURE, "value": "s", "secret": True}
    unknown = {SIGNATURE: OUTPUT_SIGNATURE, "secret": True}
    struct = struct_pb2.Struct()
    struct.update({"known": known, "secret": secret, "unknown": unknown})
    assert from_struct(struct, HERE) == {
        "known": 5,
        "secret": Secret("s"),
        "unknown": Secret(UNKNOWN),
    }


@pytest.mark.parametrize("text", [UNKNOWN_STRING, "3eeb2bf0-c639-47a8-9e75-3b44932eb421"])
def test_every_kind_of_unknown(text: str) -> None:
    struct = struct_pb2.Struct()
    struct.update({"x": [text]})
    assert from_struct(struct, HERE)["x"][0] is UNKNOWN


def test_references_become_ids() -> None:
    made = {SIGNATURE: RESOURCE_SIGNATURE, "urn": "u1", "id": "i1"}
    to_come = {SIGNATURE: RESOURCE_SIGNATURE, "urn": "u1", "id": UNKNOWN}
    component = {SIGNATURE: RESOURCE_SIGNATURE, "urn": "u2"}
    given_away = for_provider({"a": made, "b": [to_come], "c": component}, urn="u")
    assert given_away == {"a": "i1", "b": [UNKNOWN], "c": "u2"}


def test_files(tmp_path: Path) -> None:
    (tmp_path / "user-data").write_text("#cloud-config", encoding="utf-8")
    digest = hashlib.sha256(b"#cloud-config").hexdigest()
    struct = struct_pb2.Struct()
    struct.update({"f": {SIGNATURE: ASSET_SIGNATURE, "path": "user-data"}})
    found = from_struct(struct, tmp_path)
    assert found["f"]["hash"] == digest
    asset = Asset(ASSET_SIGNATURE, {"path": "user-data"}, digest)
    assert for_provider(found, urn="u") == {"f": asset}
    assert normalise(for_provider(found, urn="u")) == found
    with pytest.raises(HoabanError, match="cannot read the file of an asset"):
        from_struct(struct, tmp_path / "elsewhere")


def test_a_moved_item_stays_secret() -> None:
    assert keep_secrets({"l": ["b", "a"]}, {"l": [Secret("a"), "b"]}) == {"l": Secret(["b", "a"])}
    assert mark_secret({"a": [1], "b": 2}, ["a", "none"]) == {"a": Secret([1]), "b": 2}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a", ("a",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ('tags["x.y"]', ("tags", "x.y")),
        ('["say \\"hi\\""].n', ('say "hi"', "n")),
        ("a[*].b", ("a", "*", "b")),
        ("*", ("*",)),
        ("", ()),
    ],
)
def test_paths(text: str, path: tuple[str | int, ...]) -> None:
    assert paths.parse(text) == path


@pytest.mark.parametrize("text", ["a[", "a[b]", 'a["x', "a]"])
def test_bad_paths(text: str) -> None:
    with pytest.raises(HoabanError, match="not a property path"):
        paths.parse(text)


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        (["a"], {"a": 1, "l": [{"x": 3}, {"x": 4}], "new": 1}),
        (["gone"], {"a": 2, "l": [{"x": 3}, {"x": 4}], "new": 1, "gone": 1}),
        (["new"], {"a": 2, "l": [{"x": 3}, {"x": 4}]}),
        (["l[0].x"], {"a": 2, "l": [{"x": 1}, {"x": 4}], "new": 1}),
        (["l[*].x"], {"a": 2, "l": [{"x": 1}, {"x": 4}], "new": 1}),
        (["l[1]"], {"a": 2, "l": [{"x": 3}, {"x": 4}], "new": 1}),
        (["*"], {"a": 1, "gone": 1, "l": [{"x": 1}]}),
        ([], {"a": 2, "l": [{"x": 3}, {"x": 4}], "new": 1}),
    ],
)
def test_ignored_changes(ignored: list[str], expected: dict[str, Any]) -> None:
    olds = {"a": 1, "gone": 1, "l": [{"x": 1}]}
    news = {"a": 2, "l": [{"x": 3}, {"x": 4}], "new": 1}
    assert paths.restore(news, olds, ignored) == expected
    assert news["a"] == 2, "what the program gave is not touched"
