"""A new passphrase: all of a stack is under it, or nothing; always one of the two opens it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hoaban import files
from hoaban.engine.embedded import care, lock, restore
from hoaban.engine.embedded.backend import Backend
from hoaban.engine.embedded.copies import copies, of_version
from hoaban.engine.embedded.rotation import rotate
from hoaban.engine.embedded.secrets import PassphraseCrypter
from hoaban.engine.embedded.store import open_stack
from hoaban.engine.storage.folder import FolderStorage
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError
from tests.engine.test_crash import Countdown
from tests.engine.test_custody import NAME, RESOURCES, Desk, overwrite

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.engine.api import Stack

OLD, NEW = "thử", "mới"
CONFIG = """encryptionsalt: {salt}
# what the province agreed on
config:
  shop:plain: open
  shop:token:
    secure: {token}
  shop:nested:
    - name: a
      key: {{secure: {key}}}
"""
CIPHERTEXT = re.compile(rb"v1:[A-Za-z0-9+/=]{16}:[A-Za-z0-9+/=]{16,}")


def build(folder: Path) -> Desk:
    """A stack with secrets in state, .bak, backups, history and configuration."""
    desk = Desk.at(folder).build()
    crypter = open_stack(desk.stack, create=False).store.crypter
    desk.stack.config_file.write_text(
        CONFIG.format(
            salt=crypter.salt, token=crypter.encrypt("rất kín"), key=crypter.encrypt("chìa khóa")
        )
    )
    desk.write(*RESOURCES[:4])
    desk.write(*RESOURCES)
    return with_own(desk)


def with_own(desk: Desk) -> Desk:
    desk.stack = replace(desk.stack, passphrases=desk.folder / "own")
    return desk


def ciphertexts(desk: Desk) -> set[bytes]:
    """All ciphertexts and salts in all files of the stack."""
    return {
        found
        for file in desk.folder.rglob("*")
        if file.is_file()
        for found in CIPHERTEXT.findall(file.read_bytes())
    }


def check_content(desk: Desk) -> None:
    """All is as it was, whichever passphrase it is under."""
    opened = open_stack(desk.stack, create=False)
    assert tuple(opened.store.load().snapshot.resources) == RESOURCES
    assert opened.config["shop:token"] == Secret("rất kín")
    nested = opened.config["shop:nested"]
    assert isinstance(nested, Secret)
    assert json.loads(nested.value) == [{"name": "a", "key": "chìa khóa"}]
    assert opened.config["shop:plain"] == "open"


def fitting(desk: Desk) -> list[str]:
    """Which of the two passphrases opens the stack, now that it has been opened."""
    salts = {open_stack(desk.stack, create=False).store.crypter.salt}
    salts.add(re.findall("encryptionsalt: (.*)", desk.stack.config_file.read_text())[0])
    (salt,) = salts
    return [word for word in (OLD, NEW) if PassphraseCrypter(word, salt).fits()]


def test_all_is_under_the_new_passphrase_and_nothing_under_the_old(memory_path: Path) -> None:
    desk = build(memory_path)
    before = ciphertexts(desk)
    done = rotate(desk.stack, NEW)
    assert done.left == []
    assert done.secrets >= 4
    assert len(before) > 4
    assert before & ciphertexts(desk) == set()
    assert fitting(desk) == [NEW]
    assert "# what the province agreed on" in desk.stack.config_file.read_text()
    own = memory_path / "own/shop.dev"
    assert own.read_text().strip() == NEW
    assert own.stat().st_mode & 0o777 == 0o600
    check_content(desk)
    texts = [file.read_text() for file in memory_path.rglob("*") if file.is_file()]
    assert not any("rất kín" in text for text in texts)


def test_copies_and_history_stay_what_they_were(memory_path: Path) -> None:
    desk = build(memory_path)
    kept = len(copies(desk.backend, NAME))
    rotate(desk.stack, NEW)
    assert care.verify(desk.stack) == []
    assert len(copies(desk.backend, NAME)) == kept
    restore.restore(desk.stack, of_version(desk.backend, NAME, 2))
    assert desk.resources == RESOURCES[:4]
    folder = memory_path / "backend/.pulumi"
    file = folder / of_version(desk.backend, NAME, 3).key
    assert file.stat().st_nlink > 1, "copies of one content still take its room once"


def test_twice_and_with_the_same(memory_path: Path) -> None:
    desk = build(memory_path)
    rotate(desk.stack, NEW)
    assert rotate(desk.stack, NEW).files == 0
    rotate(desk.stack, OLD)
    assert fitting(desk) == [OLD]
    check_content(desk)


def test_a_damaged_copy_is_left_and_told(memory_path: Path) -> None:
    desk = build(memory_path)
    damaged = memory_path / "backend/.pulumi/backups/shop/dev/dev.1.json"
    damaged.write_bytes(desk.checkpoint_file.read_bytes()[:-9])
    done = rotate(desk.stack, NEW)
    assert len(done.left) == 1
    assert "dev.1.json" in done.left[0]
    check_content(desk)


def test_a_damaged_state_is_not_rotated(memory_path: Path) -> None:
    desk = build(memory_path)
    content = desk.checkpoint_file.read_bytes()
    overwrite(desk.checkpoint_file, content[:-9])
    with pytest.raises(HoabanError, match="state cannot be used"):
        rotate(desk.stack, NEW)
    overwrite(desk.checkpoint_file, content)
    assert fitting(desk) == [OLD]


def ticking(countdown: Countdown, function: Callable[..., object]) -> Callable[..., object]:
    """A function before which this process may die; after it is before the next one."""

    def before(*args: object, **how: object) -> object:
        countdown.tick()
        return function(*args, **how)

    return before


def killed_at(ticks: int, stack: Stack) -> bool:
    """Rotate in a process that dies at a tick; tells whether it did."""
    child = os.fork()
    if child == 0:
        try:
            countdown = Countdown(ticks)
            for of, name in (
                (files, "_write_synced"),
                (FolderStorage, "write"),
                (FolderStorage, "copy"),
                (FolderStorage, "delete"),
                (Path, "replace"),
            ):
                setattr(of, name, ticking(countdown, getattr(of, name)))
            rotate(stack, NEW)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def test_killed_at_every_write(memory_path: Path) -> None:
    """Each time it opens with exactly one of the two, is whole, and can be rotated again."""
    ticks, opened_with = 0, set()
    before = ciphertexts(build(memory_path / "start"))
    while True:
        ticks += 1
        folder = memory_path / str(ticks)
        shutil.copytree(memory_path / "start", folder)
        desk = with_own(Desk.at(folder))
        if not killed_at(ticks, desk.stack):
            break
        lock.release(Backend(desk.stack.backend), NAME)  # as `hoaban cancel` does
        check_content(desk)
        fits = fitting(desk)
        assert len(fits) == 1
        opened_with.add(fits[0])
        rotate(desk.stack, NEW)
        assert fitting(desk) == [NEW]
        assert before & ciphertexts(desk) == set()
        check_content(desk)
    assert opened_with == {OLD, NEW}
    assert ticks > 50
