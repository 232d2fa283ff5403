"""What a person is told of a bad inventory: the rows of docs/errors.md that need no cloud."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from hoaban.model import ledgerfile
from tests.unit.model.conftest import BASE
from tests.user import ROOT, User, assert_told, assert_told_as_json, rows

if TYPE_CHECKING:
    from pathlib import Path

COPY = "slug: xa-b\nname: {vi: a, en: b}\nkind: commune\nusers: 1\n"
FAULTS: dict[str, tuple[str, str, str]] = {  # what went wrong: file, what it has, what is put there
    "an unknown key": ("agencies/so-a.yml", "users: 50", "usres: 50"),
    "a wrong type": ("agencies/so-a.yml", "users: 50", "users: nhiều"),
    "an address pool too small": ("province.yml", "10.2.0.0/20", "10.2.0.0/25"),
    "two agencies with one slug": ("agencies/xa-c.yml", "", COPY),
    "an unknown size": ("agencies/so-a.yml", "size: big", "size: huge"),
}
NO_ENTRY = "no entry in `clouds.yaml`"


@pytest.fixture
def user(tmp_path: Path) -> User:
    shutil.copytree(BASE, tmp_path / "inventory")
    ledgerfile.allocate(tmp_path / "inventory")
    return User(tmp_path, {"HOABAN_ROOT": ".", "HOABAN_HOME": str(tmp_path / "home")})


def spoil(user: User, fault: tuple[str, str, str]) -> None:
    name, has, put = fault
    file = user.folder / "inventory" / name
    text = file.read_text("utf-8") if file.exists() else ""
    assert has in text
    file.write_text(text.replace(has, put, 1), "utf-8")


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_inventory(user: User, name: str) -> None:
    spoil(user, FAULTS[name])
    assert_told(user.run("check"), name)
    assert_told_as_json(user.run("up", "so-a", "--json"), name)
    assert not (user.folder / "home").exists()


def test_no_entry_in_clouds_yaml(user: User) -> None:
    spoil(user, ("province.yml", "  name: lab", "  name: nowhere"))
    assert_told(user.run("plan"), NO_ENTRY)
    assert_told_as_json(user.run("up", "so-a", "--json"), NO_ENTRY)
    assert not (user.folder / "home" / "state").exists()


def test_every_row_of_the_page_is_run_by_the_test_it_names() -> None:
    known = rows()
    assert len(known) == 38
    for row in known.values():
        source = (ROOT / row.test).read_text("utf-8")
        assert f'"{row.name}"' in source, f"{row.test} does not run “{row.name}”"
