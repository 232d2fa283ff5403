"""Reading YAML with lines."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hoaban.errors import HoabanError
from hoaban.model.document import dotted, parse_document


def data(text: str) -> dict[str, Any]:
    return parse_document(text.encode(), "f.yml").data


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("12", 12),
        ("-3", -3),
        ("+4", 4),
        ("1.5", 1.5),
        ("1.5e3", 1500.0),
        ("'12'", "12"),
        ('"true"', "true"),
        ("12:30:45", "12:30:45"),
        ("2025-07-01", "2025-07-01"),
        ("1_000", "1_000"),
        ("0x1f", "0x1f"),
        ("~", None),
        ("null", None),
        ("", None),
        ("''", ""),
        ("Mường É", "Mường É"),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("[1, {b: c}]", [1, {"b": "c"}]),
    ],
)
def test_values_follow_the_core_schema(written: str, value: object) -> None:
    assert data(f"key: {written}") == {"key": value}


def test_lines_of_values_keys_and_what_is_missing() -> None:
    document = parse_document(b"a: 1\nb:\n  - x: 1\n    y:\n      z: 2\n  - w\n", "f.yml")
    assert document.line(()) == 1
    assert document.line(("b",)) == 2
    assert document.line(("b", 0)) == 3
    assert document.line(("b", 0, "y", "z")) == 5
    assert document.line(("b", 1)) == 6
    assert document.line(("b", 0, "gone", "deeper")) == 3
    assert document.known(("b", 0, "y", "gone")) == ("b", 0, "y")
    assert document.known(("b", 7)) == ("b",)
    assert str(document.at("b", 0, "y")) == "f.yml:4: b[0].y"


def test_a_document_that_contains_itself_ends() -> None:
    with pytest.raises(HoabanError, match="alias"):
        data("a: &x [*x]\n")


def test_a_document_that_unfolds_without_end_is_refused_at_once() -> None:
    text = "a0: &a0 [x, x]\n"
    for level in range(1, 40):
        text += f"a{level}: &a{level} [*a{level - 1}, *a{level - 1}]\n"
    with pytest.raises(HoabanError, match="alias"):
        data(text)


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("a",), "a"), (("a", 0, "b"), "a[0].b"), (("a", 1, 2), "a[1][2]")],
)
def test_key_paths_as_people_write_them(path: tuple[str | int, ...], text: str) -> None:
    assert dotted(path) == text


plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(plain, values, max_size=5))
@example({"a": "0E0", "0E0": "1e3"})  # numbers since YAML 1.2; texts to writers of 1.1
def test_what_was_written_is_read_again(value: dict[str, Any]) -> None:
    text = io.StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.dump(value, text)
    if value:
        assert data(text.getvalue()) == value
