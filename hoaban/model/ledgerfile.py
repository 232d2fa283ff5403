"""Write the ledger's file: comments and order stay, and it is never half-written."""

from __future__ import annotations

import fcntl
import io
import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from hoaban.errors import HoabanError, Location
from hoaban.files import write_atomic
from hoaban.model import allocation
from hoaban.model.addresses import AddressPlan
from hoaban.model.files import LEDGER
from hoaban.model.ledger import Book, Key
from hoaban.model.loader import read
from hoaban.model.pools import path_of
from hoaban.model.problems import raise_all
from hoaban.model.standing import still_held

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hoaban.model.document import KeyPath
    from hoaban.model.files import Files
    from hoaban.model.ledger import Bases
    from hoaban.model.standing import Held

HEADER = """\
# Sổ cấp phát địa chỉ: mỗi chỉ số được cấp một lần và không đổi. Ghi bằng: hoaban address allocate
# Ledger of addresses: each index is given once and never moves. Written by: hoaban address allocate
# What has left the inventory stays here as a tombstone, until: hoaban address release NAME
version: 1
"""


def allocate(inventory: Path) -> dict[Key, int]:
    """Give an address to all that has none; returns what was given.

    Raises all faults of the inventory, or the pools that are full, and writes nothing then.
    """
    with _alone(inventory):
        files = read(inventory)
        book = Book.open(files.ledger.value) if files.ledger else Book()
        place = partial(_place, files)
        given = allocation.allocate(book, files.province.value, files.specs(), place)
        has_bases = files.ledger is not None and files.ledger.value.bases is not None
        if given or not has_bases:
            bases = None if has_bases else allocation.bases_of(files.province.value.pools)
            _edit(inventory / LEDGER, given, (), bases)
    return given


def release(inventory: Path, names: Sequence[str], standing: Sequence[Held]) -> list[Key]:
    """Forget tombstones by their names; returns what was forgotten.

    ``standing`` is what stacks still have (:func:`hoaban.model.standing.held`): an address in use
    is never freed, whatever the inventory says.
    """
    with _alone(inventory):
        files = read(inventory)
        book = Book.open(files.ledger.value) if files.ledger else Book()
        plan = AddressPlan(files.province.value.pools, Book(dict(book.indexes)))
        freed = allocation.release(book, files.province.value, files.specs(), list(names))
        errors = (
            still_held(allocation.label(key), plan.networks_of(key), standing, files.agencies)
            for key in freed
            if key.kind != "host" or Key("agency", key.owner) not in freed  # told as its block
        )
        raise_all([error for error in errors if error])
        if freed:
            _edit(inventory / LEDGER, {}, freed, None)
    return freed


def _place(files: Files, key: Key) -> Location:
    """Where the inventory asks for what a key stands for, or has the pool that it needs."""
    province = files.province.document
    if key.kind == "host":
        return files.agencies[key.owner].document.at("systems")
    if key.kind == "province-host":
        return province.at("hosts", key.name)
    return province.at("pools", allocation.POOL_OF[key.kind])


@contextmanager
def _alone(inventory: Path) -> Iterator[None]:
    """Keep two commands from giving one index to two agencies; a crash frees the lock."""
    if not inventory.is_dir():  # reading it will say so
        yield
        return
    folder = os.open(inventory, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _edit(path: Path, given: dict[Key, int], freed: Sequence[Key], bases: Bases | None) -> None:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = path.read_text(encoding="utf-8") if path.exists() else HEADER
    root: CommentedMap = yaml.load(text)
    if bases is not None:
        root["bases"] = bases.model_dump(mode="json")
    for key, index in given.items():
        _put(root, path_of(key), index)
    for key in freed:
        _drop(root, path_of(key))
    buffer = io.StringIO()
    yaml.dump(root, buffer)
    try:
        write_atomic(path, buffer.getvalue())
    except OSError as error:
        raise HoabanError(
            f"{path.name} can't be written: {error.strerror}",
            where=Location(file=str(path)),
            mend="make the folder writable, or free space on its disk; nothing was changed",
        ) from error


def _put(root: CommentedMap, path: KeyPath, index: int) -> None:
    node = root
    for part in path[:-1]:
        if node.get(part) is None:
            node[part] = CommentedMap()
        node = node[part]
    node[path[-1]] = index


def _drop(root: CommentedMap, path: KeyPath) -> None:
    """Remove a value and the mappings that it leaves empty."""
    parents = [root]
    for part in path[:-1]:
        if part not in parents[-1]:
            return
        parents.append(parents[-1][part])
    parents[-1].pop(path[-1], None)
    for parent, part in zip(reversed(parents[:-1]), reversed(path[:-1]), strict=True):
        if parent[part]:
            return
        del parent[part]
