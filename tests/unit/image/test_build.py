from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hoaban.errors import HoabanError
from hoaban.image import build, built, ensure
from hoaban.image.store import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hoaban.image.recipe import Recipe
    from tests.unit.image.conftest import Tools


def folders(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "images").iterdir() if path.is_dir())


def test_an_image_is_three_files_and_a_manifest(
    tools: Tools, recipe: Recipe, tmp_path: Path
) -> None:
    said: list[str] = []
    image = ensure(said.append, recipe=recipe)
    assert image.name == recipe.name
    assert image.kernel.read_bytes() == b"kernel"
    assert image.initrd.read_bytes().startswith(b"070701")
    assert image.root.read_bytes() == b"raw\n"
    assert image.size_bytes == sum(
        path.stat().st_size for path in (image.kernel, image.initrd, image.root)
    )
    assert image.manifest["packages"] == {"adduser": "3.152", "base-files": "13.8"}
    assert image.manifest["files"].keys() == {"vmlinuz", "initrd", "root.qcow2"}
    assert image.properties["os_command_line"] == recipe.command_line
    assert folders(tmp_path) == [recipe.name]
    assert any(line.startswith("install ") and "done in" in line for line in said)


def test_an_image_is_built_once(tools: Tools, recipe: Recipe) -> None:
    first = ensure(recipe=recipe)
    assert ensure(recipe=recipe) == first == built(recipe)
    assert tools.count("mmdebstrap") == 1


def test_it_is_built_again_by_force_and_when_it_is_old(tools: Tools, recipe: Recipe) -> None:
    image = ensure(recipe=recipe)
    manifest = image.manifest | {
        "built_at": (datetime.now(UTC) - timedelta(days=10)).isoformat(timespec="seconds")
    }
    (image.folder / MANIFEST).write_text(json.dumps(manifest))
    assert ensure(recipe=recipe, max_age_days=11).age_days > 9
    assert tools.count("mmdebstrap") == 1
    assert ensure(recipe=recipe, max_age_days=9).age_days < 1
    assert tools.count("mmdebstrap") == 2
    ensure(recipe=recipe, force=True)
    assert tools.count("mmdebstrap") == 3


@pytest.mark.parametrize("failing", ["mmdebstrap", "mke2fs", "qemu-img", "dpkg-query"])
def test_a_build_that_fails_leaves_nothing(
    tools: Tools, recipe: Recipe, tmp_path: Path, failing: str
) -> None:
    tools.write(failing, "echo 'it went wrong' >&2; exit 1")
    with pytest.raises(HoabanError) as caught:
        ensure(recipe=recipe)
    assert "it went wrong" in str(caught.value.detail)
    assert folders(tmp_path) == []
    assert built(recipe) is None


def test_a_build_that_fails_keeps_the_image_there_was(
    tools: Tools, recipe: Recipe, tmp_path: Path
) -> None:
    image = ensure(recipe=recipe)
    tools.write("qemu-img", "exit 1")
    with pytest.raises(HoabanError):
        ensure(recipe=recipe, force=True)
    assert built(recipe) == image
    assert folders(tmp_path) == [recipe.name]


def test_what_a_killed_build_left_is_removed_by_the_next(
    tools: Tools, recipe: Recipe, tmp_path: Path
) -> None:
    left = tmp_path / "images/.building-1/tree/etc"
    left.mkdir(parents=True)
    ensure(recipe=recipe)
    assert folders(tmp_path) == [recipe.name]


def test_two_builds_at_once_make_one_image(tools: Tools, recipe: Recipe, tmp_path: Path) -> None:
    """The second waits for the lock, finds the first one's image, and takes it."""
    (tmp_path / "images").mkdir()
    said: list[str] = []
    got: list[object] = []
    with (tmp_path / "images/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = threading.Thread(target=lambda: got.append(ensure(said.append, recipe=recipe)))
        waiting.start()
        deadline = time.monotonic() + 10
        while not said and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "waiting" in said[0]
        image = build._Build(recipe, build.Phases()).run()
    waiting.join(10)
    assert got == [image]
    assert tools.count("mmdebstrap") == 1


def not_root(monkeypatch: pytest.MonkeyPatch, tools: Tools) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


def no_mmdebstrap(monkeypatch: pytest.MonkeyPatch, tools: Tools) -> None:
    tools.remove("mmdebstrap")
    real = shutil.which
    monkeypatch.setattr(
        shutil,
        "which",
        lambda name, path=None: None if name == "mmdebstrap" else real(name, path=path),
    )


def no_room(monkeypatch: pytest.MonkeyPatch, tools: Tools) -> None:
    monkeypatch.setattr(build, "NEEDED_GIB", 10**9)


@pytest.mark.parametrize(
    ("lack", "what", "mend"),
    [
        (not_root, "built by root", "sudo hoaban image build"),
        (
            no_mmdebstrap,
            "not installed",
            "apt-get install --yes --no-install-recommends mmdebstrap",
        ),
        (no_room, "GiB are free", "HOABAN_IMAGE_DIR"),
    ],
)
def test_what_the_machine_lacks_is_said_before_anything_is_done(
    tools: Tools,
    recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    lack: Callable[[pytest.MonkeyPatch, Tools], None],
    what: str,
    mend: str,
) -> None:
    lack(monkeypatch, tools)
    with pytest.raises(HoabanError, match=what) as caught:
        ensure(recipe=recipe)
    assert mend in str(caught.value.mend)
    assert tools.count("mmdebstrap") == 0


def test_the_mirrors_options_reach_apt_by_a_file_that_others_cannot_read(
    tools: Tools, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: Path
) -> None:
    secret = 'Acquire::http::Proxy "http://user:secret@proxy.example";'
    mirror = build.host_mirror()
    monkeypatch.setattr(
        build,
        "host_mirror",
        lambda: type(mirror)(mirror.codename, mirror.archive, mirror.security, (secret,)),
    )
    tools.write(
        "mmdebstrap",
        'for word; do case $word in --aptopt=/*) stat -c %a "${word#--aptopt=}"'
        f' >{tmp_path}/mode; cp "${{word#--aptopt=}}" {tmp_path}/options;; esac; done\n'
        f'for last; do before=$now now=$last; done; cp -r {tree} "$before"',
    )
    ensure(recipe=recipe)
    assert (tmp_path / "mode").read_text().strip() == "600"
    assert secret in (tmp_path / "options").read_text()
    assert "secret" not in tools.calls.read_text()
