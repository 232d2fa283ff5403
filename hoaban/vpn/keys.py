"""Public keys of tunnel interfaces, as the hosts told them over their pinned connection."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import yaml
from pydantic import TypeAdapter, ValidationError

from hoaban.errors import HoabanError, Location
from hoaban.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Pins = dict[str, dict[str, str]]
"""Public keys by host and interface."""

_HEAD = "# Public keys of tunnel interfaces, by host. Written by the role wireguard.\n"


def read(path: Path) -> Pins:
    """The keys that are known; none while there is no file."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as error:
        raise _odd(path) from error
    try:
        return TypeAdapter(Pins).validate_python(content or {})
    except ValidationError as error:
        raise _odd(path) from error


def note(path: Path, host: str, public: Mapping[str, str]) -> Pins:
    """Take down all keys of one host, in place of those known before; the whole file's content.

    Hosts are configured side by side, so the file is read and written under a lock.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(path):
        pins = read(path)
        if pins.get(host, {}) != dict(public):
            pins[host] = dict(public)
            write_atomic(path, _HEAD + yaml.safe_dump(pins))
        return pins


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_name(f".{path.name}.lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _odd(path: Path) -> HoabanError:
    return HoabanError(
        "this file does not hold public keys by host and interface",
        where=Location(file=str(path)),
        mend="remove it: the next converge of all hosts with tunnels writes it anew",
    )
