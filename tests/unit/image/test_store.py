from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hoaban import console
from hoaban.cli.image import app
from hoaban.errors import HoabanError
from hoaban.image import Recipe, built, clean, ensure, images, named
from hoaban.image.store import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.image.conftest import Tools


def run(*words: str) -> str:
    """Standard output of ``hoaban image``; consoles are made anew, for this call's streams."""
    for stream in (console.stdout, console.stderr):
        stream.cache_clear()
    try:
        result = CliRunner().invoke(app, words, catch_exceptions=False)
    finally:
        for stream in (console.stdout, console.stderr):
            stream.cache_clear()
    assert result.exit_code == 0
    return result.stdout


@pytest.fixture
def two(tools: Tools, recipe: Recipe) -> tuple[str, str]:
    """The current recipe's image, and one of an earlier recipe; their names in this order."""
    with (recipe.folder / "packages.txt").open("a") as stream:
        stream.write("htop\n")
    earlier = ensure(recipe=Recipe(recipe.folder))
    return ensure().name, earlier.name


def test_nothing_is_built_yet(tools: Tools) -> None:
    assert built() is None
    assert images() == []
    with pytest.raises(HoabanError, match="not built yet") as caught:
        named(None)
    assert str(caught.value.mend).startswith("hoaban image build")


def test_images_are_found_by_name(two: tuple[str, str]) -> None:
    assert {image.name for image in images()} == set(two)
    assert named(None).name == two[0]
    assert named(two[1]).name == two[1]
    with pytest.raises(HoabanError, match="debian-13-000000000000 is not on this machine"):
        named("debian-13-000000000000")


def test_glance_is_told_what_nova_needs_to_start_it(tools: Tools) -> None:
    properties = ensure().properties
    assert properties["os_command_line"].startswith("root=/dev/vda ")
    assert properties["hw_disk_bus"] == properties["hw_vif_model"] == "virtio"
    assert properties["hw_rng_model"] == "virtio"
    assert all(isinstance(value, str) for value in properties.values())


def test_images_of_earlier_recipes_go(two: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "images/debian-13-halfremoved0").mkdir()
    assert clean() == [two[1]]
    assert [image.name for image in images()] == [two[0]]
    assert not (tmp_path / "images/debian-13-halfremoved0").exists()
    assert clean(everything=True) == [two[0]]
    assert images() == []


@pytest.mark.parametrize("text", ["{", "{}", '{"name": "x", "files": []}', "[]"])
def test_a_broken_manifest_is_told_with_its_mend(tools: Tools, text: str) -> None:
    image = ensure()
    (image.folder / MANIFEST).write_text(text)
    with pytest.raises(HoabanError, match="manifest cannot be read") as caught:
        built()
    assert str(image.folder) in str(caught.value.mend)


def test_the_command_lists_shows_and_cleans(two: tuple[str, str]) -> None:
    listed = json.loads(run("list", "--json"))["images"]
    assert {image["name"] for image in listed} == set(two)
    lines = run("list").splitlines()
    assert sorted(line.rpartition("  ")[2] for line in lines) == ["current", "earlier recipe"]
    shown = json.loads(run("show", "--packages", "--json"))
    assert shown["name"] == two[0]
    assert shown["packages"]["adduser"] == "3.152"
    assert "os_command_line" in run("show", two[1])
    assert json.loads(run("clean", "--json")) == {"removed": [two[1]]}
    assert run("clean", "--all") == f"removed: {two[0]}\n"


def test_the_command_builds_what_is_not_there(tools: Tools) -> None:
    assert json.loads(run("build", "--json"))["name"] == Recipe().name
    assert Recipe().name in run("build")
    assert tools.count("mmdebstrap") == 1
