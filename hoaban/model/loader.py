"""From a folder to a :class:`Province`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.checks import check
from hoaban.model.files import Files, Reader
from hoaban.model.links import Links
from hoaban.model.pools import check_allocated, check_ledger
from hoaban.model.problems import raise_all
from hoaban.model.province import Province

if TYPE_CHECKING:
    from pathlib import Path


def read(inventory: Path) -> Files:
    """The files of an inventory, valid in themselves and together.

    What has no address yet is no fault here: this is what addresses are given from. Raises all
    faults of all files at once.
    """
    reader = Reader(inventory)
    files = reader.files()
    errors = list(reader.errors)
    if files is not None:
        errors += [*check(files), *check_ledger(files)]
    raise_all(errors)
    if files is None:
        raise AssertionError("a province that could not be read has an error")
    return files


def load(inventory: Path) -> Province:
    """The province of an inventory folder, every address given.

    Raises a :class:`HoabanError`, or ``ManyErrors`` with all faults of all files: each names file,
    line, key and mend.
    """
    return province_of(read(inventory))


def province_of(files: Files) -> Province:
    """The province of valid files, every address given; else a :class:`HoabanError`."""
    raise_all([*check_allocated(files)])
    if files.ledger is None:
        raise AssertionError("an inventory without a ledger has addresses to give")
    links = files.links.value if files.links else Links()
    return Province(files.province.value, files.specs(), files.ledger.value, links)
