"""What is wrong in an inventory, and the words that people get for it: cases/bad_input.yml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hoaban.errors import HoabanError, ManyErrors
from hoaban.model import load

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "bad_input.yml").read_text("utf-8"))


def told(inventory: Path) -> list[str]:
    """What loading an inventory complains of."""
    with pytest.raises(HoabanError) as caught:
        load(inventory)
    error = caught.value
    errors = error.errors if isinstance(error, ManyErrors) else [error]
    return [str(one).replace(str(inventory.parent), "FOLDER") for one in errors]


def apply(case: dict[str, Any], inventory: Path) -> None:
    for name, edits in case.get("edit", {}).items():
        path = inventory / name
        text = path.read_text("utf-8")
        for edit in edits:
            assert edit["find"] in text, f"the base has no {edit['find']!r}"
            text = text.replace(edit["find"], edit["put"], 1)
        path.write_text(text, "utf-8")
    for name, text in case.get("write", {}).items():
        (inventory / name).write_text(text, "utf-8")
    for name in case.get("delete", []):
        (inventory / name).unlink()
    for old, new in case.get("move", {}).items():
        (inventory / old).rename(inventory / new)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_fault_has_file_line_key_and_mend(case: dict[str, Any], inventory: Path) -> None:
    apply(case, inventory)
    assert told(inventory) == case["errors"]


def test_case_names_are_unique() -> None:
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names))


def test_text_of_windows_is_named_with_its_line(inventory: Path) -> None:
    path = inventory / "agencies" / "xa-b.yml"
    path.write_bytes(path.read_bytes().replace("Xã B, en".encode(), b"X\xe3 B, en"))
    assert told(inventory) == [
        (
            "inventory/agencies/xa-b.yml:2: byte 0xe3 is not UTF-8 text\n"
            "  mend: save the file as UTF-8 (from Windows: iconv -f CP1258 -t UTF-8 "
            "inventory/agencies/xa-b.yml)"
        )
    ]


def test_a_byte_order_mark_is_no_fault(inventory: Path) -> None:
    path = inventory / "agencies" / "xa-b.yml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(inventory).agencies["xa-b"].users == 20


def test_a_folder_in_place_of_a_file(inventory: Path) -> None:
    (inventory / "agencies" / "xa-c.yml").mkdir()
    assert told(inventory) == [
        (
            "inventory/agencies/xa-c.yml: the file can't be read: Is a directory\n"
            "  mend: make it a file that you may read"
        )
    ]


def test_a_private_key_is_never_repeated(inventory: Path) -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----b3BlbnNzaC1rZXktdjE-----END"
    path = inventory / "province.yml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("full_name: Lan", f"full_name: Lan\n    sudo: {key}"), "utf-8")
    again = text.replace("domain: dc.a.example", f"domain: '{key}'")
    for wrong in (path.read_text("utf-8"), again):
        path.write_text(wrong, "utf-8")
        assert "b3Blbn" not in "\n".join(told(inventory))


def test_what_editors_leave_is_passed_over(inventory: Path) -> None:
    for name in (".xa-b.yml.swp", "xa-b.yml~", ".gitkeep"):
        (inventory / "agencies" / name).write_text("not yaml: [", "utf-8")
    assert list(load(inventory).agencies) == ["so-a", "xa-b"]


def test_one_broken_file_hides_no_other_fault(inventory: Path) -> None:
    """An agency whose file has a fault still counts as there for those that name it."""
    broken = inventory / "agencies" / "xa-b.yml"
    broken.write_text(broken.read_text("utf-8").replace("users: 20", "users: x"), "utf-8")
    other = inventory / "agencies" / "so-a.yml"
    other.write_text(other.read_text("utf-8").replace("size: big", "size: huge"), "utf-8")
    files = [line.split(":")[0] for line in told(inventory)]
    assert files == ["inventory/agencies/so-a.yml", "inventory/agencies/xa-b.yml"]
