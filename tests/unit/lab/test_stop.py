from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from typer.testing import CliRunner

from hoaban.cli.lab import app
from hoaban.errors import HoabanError
from hoaban.lab import stop

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.lab.layout import Layout


@pytest.fixture(autouse=True)
def other_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "SHARE", tmp_path / "elsewhere:/cinder")


def test_destroy_asks(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOABAN_LAB_DIR", str(layout.root))
    monkeypatch.setattr(stop, "destroy", lambda *_: pytest.fail("destroyed without a yes"))
    result = CliRunner().invoke(app, ["destroy"], input="n\n")
    assert result.exit_code == 1
    assert "will be lost" in result.output


def test_a_foreign_folder_is_left(layout: Layout) -> None:
    (layout.root / "thesis.odt").write_text("")
    with pytest.raises(HoabanError, match="does not look like the folder of a lab"):
        stop._remove(layout)
    assert (layout.root / "thesis.odt").exists()


def test_a_lab_is_removed(layout: Layout) -> None:
    layout.secrets.write_text("---\n")
    stop._remove(layout)
    assert not layout.root.exists()
    stop._remove(layout)  # again, with nothing there


def test_files_under_a_mount_are_left(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    layout.secrets.write_text("---\n")
    monkeypatch.setattr(stop, "_mounts", lambda _: [f"{layout.root}/state/nova/qemu/mnt"])
    with pytest.raises(HoabanError, match="is still mounted") as caught:
        stop._remove(layout)
    assert "fuser" in str(caught.value.mend)
    assert layout.secrets.exists()


def test_only_processes_of_this_lab_are_its_leavings(layout: Layout, tmp_path: Path) -> None:
    script = tmp_path / "haproxy.py"
    script.write_text("import sys; print('up', flush=True); sys.stdin.read()")
    mine = [sys.executable, str(script), f"{layout.root}/state/neutron/proxy.conf"]
    other = [sys.executable, str(script.rename(tmp_path.parent / "haproxy.py")), "/etc/other.conf"]
    mine[1] = other[1]
    processes = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for words in (mine, other)
    ]
    try:
        for process in processes:
            assert process.stdout
            process.stdout.readline()
        found = {process.pid for process in stop._left(layout)}
        assert processes[0].pid in found
        assert processes[1].pid not in found
        stop._end([psutil.Process(processes[0].pid)], stop.signal.SIGTERM)
        assert not psutil.pid_exists(processes[0].pid)
    finally:
        for process in processes:
            process.kill()
            process.wait()
