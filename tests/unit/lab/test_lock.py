from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hoaban.errors import HoabanError
from hoaban.lab.lock import lock_file, locked

HOLD = """
import sys
from pathlib import Path
from hoaban.lab.lock import lock_file, locked
with locked("destroy", Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_hand_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(HoabanError) as caught, locked("up", path):
        pytest.fail("two held the lock")
    assert f"another `hoaban lab destroy` (process {holder.pid}, since 20" in caught.value.what
    assert str(Path.cwd()) in caught.value.what
    holder.kill()  # the kernel releases what a dead process held
    holder.wait()
    with locked("up", path):
        assert f'"pid": {os.getpid()}' in path.read_text()


NEST = """
import sys
from pathlib import Path
from hoaban.lab.lock import lock_file, locked
with locked("up --hypervisor fake", Path(sys.argv[1]), nested=sys.argv[2] == "nested"):
    print("held", flush=True)
"""


def test_a_part_of_the_holders_work_goes_on_under_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    def start(nested: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", NEST, str(path), nested]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with locked("up", path):
        with locked("up --hypervisor fake", path, nested=True):
            assert '"verb": "up"' in path.read_text()
        assert start("nested").stdout == "held\n"
        strict = start("strict")
        assert strict.returncode == 1
        assert f"another `hoaban lab up` (process {os.getpid()}," in strict.stderr
        # And the lock is still held.
        with pytest.raises(HoabanError, match="is at work"), locked("down", path):
            pytest.fail("two held the lock")


def test_a_stranger_is_not_let_in_as_a_part(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    with (
        pytest.raises(HoabanError, match="another `hoaban lab destroy`"),
        locked("up --hypervisor fake", path, nested=True),
    ):
        pytest.fail("two held the lock")
    holder.communicate()


def test_a_released_lock_bears_no_name(tmp_path: Path) -> None:
    # Else the next holder, before it has written, would pass for its predecessor.
    path = tmp_path / "lock"
    with locked("up", path):
        assert path.read_text() != ""
    assert path.read_text() == ""


def test_it_is_free_again_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(ZeroDivisionError), locked("up", path):
        _ = 1 / 0
    with locked("down", path):
        assert '"verb": "down"' in path.read_text()


def test_a_holder_that_has_not_written_yet(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked("up", path):
        path.write_text("")
        with (
            pytest.raises(HoabanError, match="another hoaban process is at work"),
            locked("up", path),
        ):
            pytest.fail("two held the lock")


def test_another_user_is_told_so_and_leaves_no_file_in_roots_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run/hoaban"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HoabanError, match="needs root: the lab makes bridges") as caught:
        lock_file(folder)
    assert "sudo --preserve-env=PATH" in str(caught.value.mend)
    assert not folder.exists()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    path = lock_file(folder)
    assert path.parent == folder
    assert folder.stat().st_mode & 0o022 == 0, "nobody else may make files there"
    assert lock_file(folder) == path
