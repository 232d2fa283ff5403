"""What containers get of this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hoaban.testing import shares
from hoaban.testing.shares import Share, sharing
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def volumes(options: list[str]) -> dict[str, tuple[str, str]]:
    """Source and mode of each volume, by its place in the container."""
    words = [o.removeprefix("--volume=").split(":") for o in options if o.startswith("--volume=")]
    return {target: (source, mode) for source, target, mode in words}


def test_the_toolkit_can_be_read_and_run_but_not_changed(tmp_path: Path) -> None:
    found = volumes(sharing([Share.TOOLKIT], tmp_path, "bookworm"))
    for folder in (str(toolkit_root() / "hoaban"), sys.prefix):
        assert found[folder] == (folder, "ro")
    assert "/usr" not in found
    assert str(toolkit_root()) not in found  # which holds the containers themselves


def test_the_interpreter_below_the_environment_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/opt/python")
    assert volumes(sharing([Share.TOOLKIT], tmp_path, "bookworm"))["/opt/python"][1] == "ro"
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    assert "/usr" not in volumes(sharing([Share.TOOLKIT], tmp_path, "bookworm"))


def test_archives_are_apart_by_release_and_made_when_missing(tmp_path: Path) -> None:
    found = volumes(sharing([Share.ARCHIVES], tmp_path, "bookworm"))
    assert found == {"/var/cache/apt/archives": (str(tmp_path / "archives/bookworm"), "rw")}
    assert (tmp_path / "archives/bookworm").is_dir()


def test_the_way_to_the_package_index_is_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "uv"
    program.write_text(f"#!/bin/sh\necho {tmp_path}/cache\n")
    program.chmod(0o755)
    certificates = tmp_path / "ca.pem"
    certificates.touch()
    monkeypatch.setattr(shares, "uv", lambda: program)
    for name in (*shares._PASSED, *map(str.lower, shares._PASSED), "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    bare = sharing([Share.UV], tmp_path, "bookworm")
    assert volumes(bare) == {
        str(shares.UV): (str(program), "ro"),
        str(shares.UV_CACHE): (str(tmp_path / "cache"), "rw"),
    }
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates))
    monkeypatch.setenv("https_proxy", "http://user:secret@proxy.example")
    more = sharing([Share.UV], tmp_path, "bookworm")
    assert volumes(more)[str(shares.CERTIFICATES)] == (str(certificates), "ro")
    assert set(more) - set(bare) >= {
        f"--env=SSL_CERT_FILE={shares.CERTIFICATES}",
        "--env=https_proxy",
    }
    assert not any("secret" in option for option in more)  # podman takes the value itself
