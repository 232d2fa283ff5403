"""``hoaban vpn site`` as a command."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pyrage import x25519
from typer.testing import CliRunner

from hoaban.cli import app
from hoaban.console import stderr, stdout
from hoaban.inventory.fleet import Fleet
from hoaban.sealing import open_sealed
from hoaban.vpn import keys, names
from hoaban.vpn.office import KEPT_KEY
from tests.unit.vpn.test_site import ENDPOINTS, SITE, key, province

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.model import Province

__all__ = ["province"]


@pytest.fixture
def here(tmp_path: Path, province: Province, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose hubs are built and have keys."""
    assert province.foundation().vpn is not None
    monkeypatch.setenv("HOABAN_ROOT", str(tmp_path))
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    hosts = {
        name: SimpleNamespace(name=name, output=SimpleNamespace(floating_ip=address))
        for name, address in ENDPOINTS.items()
    }
    monkeypatch.setattr(Fleet, "read", lambda _: SimpleNamespace(hosts=hosts))
    for number, hub in enumerate(ENDPOINTS, start=1):
        keys.note(names.key_file(tmp_path / ".hoaban"), hub, {"wg-sites": key(number)})
    return tmp_path


def run(*words: str) -> Any:
    for console in (stdout, stderr):
        console.cache_clear()
    return CliRunner().invoke(app, ["vpn", "site", SITE, *words])


def test_shown_once_with_its_key_and_a_code_for_phones(here: Path) -> None:
    first = run("--format", "wg-quick", "--show", "--qr")
    assert first.exit_code == 0, first.output
    assert "==> wg-vpn-1.conf <==" in first.stdout
    assert "█" in first.stdout
    assert KEPT_KEY not in first.stdout
    second = run("--format", "routeros", "--show", "--json")
    assert KEPT_KEY in second.stdout
    assert json.loads(second.stdout)["new_key"] is False


def test_sealed_it_is_written_and_said_where(here: Path, tmp_path: Path) -> None:
    identity = x25519.Identity.generate()
    folder = tmp_path / "usb"
    done = run("--format", "openwrt", "--seal", str(identity.to_public()), "--output", str(folder))
    assert done.exit_code == 0, done.output
    [path] = folder.iterdir()
    assert str(path) in done.stdout
    assert "private_key" not in done.stdout
    opened = open_sealed(path.read_bytes(), str(identity)).decode()
    assert opened.startswith("#!/bin/sh\n# Sở A: Trụ sở\n")
    assert KEPT_KEY not in opened


@pytest.mark.parametrize(
    "words",
    [
        ["--format", "openwrt"],
        ["--format", "openwrt", "--show", "--seal", "age1x"],
        ["--format", "openwrt", "--show", "--qr"],
        ["--format", "cisco", "--show"],
    ],
)
def test_what_makes_no_sense_is_a_usage_error_and_makes_no_key(
    here: Path, words: list[str]
) -> None:
    done = run(*words)
    assert done.exit_code != 0
    assert SITE not in keys.read(names.key_file(here / ".hoaban"))
