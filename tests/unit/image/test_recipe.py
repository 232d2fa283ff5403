from __future__ import annotations

import configparser
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from hoaban.image.recipe import FOLDER, Recipe
from hoaban.roles import guest_packages
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OVERLAY = FOLDER / "overlay"


def append(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / name).open("a") as stream:
            stream.write("\nhtop\n")

    return change


def rename(folder: Path) -> None:
    (folder / "dpkg.cfg").rename(folder / "dpkg.conf")


def take_mode(folder: Path) -> None:
    (folder / "customize.sh").chmod(0o644)


@pytest.mark.parametrize(
    "change",
    [append("packages.txt"), append("customize.sh"), append("initrd/init"), rename, take_mode],
)
def test_what_decides_the_content_changes_the_name(
    recipe: Recipe, change: Callable[[Path], None]
) -> None:
    before = recipe.name
    change(recipe.folder)
    assert Recipe(recipe.folder).name != before


def test_what_does_not_decide_it_leaves_the_name(recipe: Recipe) -> None:
    os.utime(recipe.folder / "packages.txt", (0, 0))
    (recipe.folder / "dpkg.cfg").chmod(0o600)
    (recipe.folder / "__pycache__").mkdir()
    (recipe.folder / "__pycache__/init.pyc").touch()
    assert recipe.digest == Recipe().digest
    assert recipe.name == f"debian-13-{recipe.digest[:12]}"


def test_a_package_of_a_role_changes_the_name(recipe: Recipe, tmp_path: Path) -> None:
    role = tmp_path / "checkout/roles/web"
    (role / "meta").mkdir(parents=True)
    (role / "defaults").mkdir()
    (role / "meta/main.yml").write_text("galaxy_info: {galaxy_tags: [guest]}")
    (role / "meta/argument_specs.yml").write_text("argument_specs: {main: {}}")
    (role / "defaults/main.yml").write_text("web_packages: []")
    before = Recipe(recipe.folder, tmp_path / "checkout")
    assert "haproxy" not in before.packages
    name = before.name
    (role / "defaults/main.yml").write_text("web_packages: [haproxy]")
    after = Recipe(recipe.folder, tmp_path / "checkout")
    assert "haproxy" in after.packages
    assert after.name != name


def test_the_image_carries_the_packages_of_all_roles_for_servers() -> None:
    packages = Recipe().packages
    assert {"chrony", "nftables"} <= set(guest_packages(toolkit_root())) <= set(packages)
    assert {"linux-image-cloud-amd64", "cloud-init", "openssh-server"} <= set(packages)
    assert list(packages) == sorted(set(packages))


def test_the_command_line_is_one_line_for_a_root_on_a_virtio_disk() -> None:
    words = Recipe().command_line.split(" ")
    assert words[0] == "root=/dev/vda"
    assert {"rw", "console=ttyS0", "hoaban.offload=off"} <= set(words)
    assert not any("#" in word or not word for word in words)
    assert "mitigations=off" not in words


def test_units_are_masked_by_their_full_names_and_once() -> None:
    units = Recipe().lines("masked-units.txt")
    assert all(unit.rpartition(".")[2] in UNIT_KINDS for unit in units)
    assert len(units) == len(set(units))


UNIT_KINDS = {"service", "socket", "mount", "automount", "timer", "path", "target"}
UNIT_FILES = [
    path
    for path in sorted((OVERLAY / "etc/systemd").rglob("*"))
    if path.suffix in {".conf", ".timer", ".network", ".link"}
]


@pytest.mark.parametrize("path", UNIT_FILES, ids=lambda path: path.name)
def test_files_for_systemd_have_sections_and_settings(path: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    assert parser.sections()
    assert all(parser.items(section) for section in parser.sections())


def test_cloud_init_makes_the_host_key_and_prints_it_before_ssh_answers() -> None:
    text = (OVERLAY / "etc/cloud/cloud.cfg.d/90-hoaban.cfg").read_text()
    config = yaml.safe_load(text)
    first_stage = config["cloud_init_modules"]
    assert first_stage.index("users_groups") < first_stage.index("ssh")
    assert first_stage.index("ssh") < first_stage.index("keys_to_console")
    assert config["ssh_deletekeys"] is True
    assert config["ssh_genkeytypes"] == ["ed25519"]
    assert config["ssh_pwauth"] is False
    assert config["datasource_list"] == ["ConfigDrive", "OpenStack", "None"]


def test_no_address_of_a_mirror_is_in_the_recipe() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if b"://" in path.read_bytes().replace(b"sed 's,//", b"")]


@pytest.mark.parametrize("script", ["customize.sh", "initrd/init"])
def test_scripts_can_be_parsed_and_run(script: str) -> None:
    path = FOLDER / script
    assert os.access(path, os.X_OK)
    subprocess.run(["sh", "-n", str(path)], check=True)


def test_a_password_in_the_mirrors_address_is_not_written_to_servers() -> None:
    script = (FOLDER / "customize.sh").read_text()
    line = next(line for line in script.splitlines() if line.startswith("sed 's,"))
    expression = line.split("'")[1]
    done = subprocess.run(
        ["sed", expression],
        input="URIs: https://user:secret@mirror.example/debian\nSuites: trixie\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "URIs: https://mirror.example/debian\nSuites: trixie\n"


def test_what_the_image_carries_can_be_read_by_all_whatever_the_checkouts_umask(
    tmp_path: Path,
) -> None:
    script = (FOLDER / "customize.sh").read_text()
    copy = [line for line in script.splitlines() if "$recipe/overlay" in line]
    assert len(copy) == 2
    tree, settings = tmp_path / "tree", tmp_path / "recipe/overlay/etc/network"
    (tree / "etc").mkdir(parents=True)
    settings.mkdir(parents=True)
    (settings / "50-a b.network").touch()
    (settings / "program").touch()
    (settings / "50-a b.network").chmod(0o600)
    (settings / "program").chmod(0o700)
    (tree / "etc/shadow").touch()
    (tree / "etc/shadow").chmod(0o640)
    for folder in (settings, settings.parent):
        folder.chmod(0o700)
    subprocess.run(
        ["sh", "-euc", "\n".join([f"tree={tree}", f"recipe={tmp_path}/recipe", *copy])],
        check=True,
        umask=0o077,
    )
    modes = {str(path.relative_to(tree)): path.stat().st_mode & 0o777 for path in tree.rglob("*")}
    assert modes == {
        "etc": 0o755,
        "etc/network": 0o755,
        "etc/network/50-a b.network": 0o644,
        "etc/network/program": 0o755,
        "etc/shadow": 0o640,
    }
    assert "\numask 022" in script
