"""The commands that turn a recipe into a tree, and a tree into the image's files.

This module decides what an image contains, so its source is part of the recipe's digest: what
only reports, checks or stores images belongs elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROOT_GIB = 2
"""Size of the root file system as it is built; the guest grows it to its disk."""
ROOT_LABEL = "root"


def bootstrap(
    *,
    codename: str,
    packages: Sequence[str],
    sources: Path,
    apt_options: Path,
    recipe: Path,
    tree: Path,
) -> list[str]:
    """Install the packages into ``tree`` and customize it by the recipe's script."""
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        f"--include={','.join(packages)}",
        f"--aptopt={apt_options}",
        '--aptopt=Acquire::Languages "none"',
        f"--dpkgopt={recipe / 'dpkg.cfg'}",
        "--dpkgopt=force-unsafe-io",  # nothing is flushed: an interrupted build is thrown away
        f'--customize-hook={recipe / "customize.sh"} "$1" {recipe} {sources}',
        codename,
        str(tree),
        str(sources),
    ]


def filesystem(*, tree: Path, output: Path) -> list[str]:
    """Make the root file system straight from the tree, without mounting anything."""
    return [
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-L",
        ROOT_LABEL,
        "-m",
        "1",
        "-E",
        "lazy_itable_init=1,nodiscard",
        "-d",
        str(tree),
        str(output),
        f"{ROOT_GIB}G",
    ]


def compact(*, raw: Path, output: Path) -> list[str]:
    """Store only what is used of the file system."""
    return ["qemu-img", "convert", "-O", "qcow2", "-o", "lazy_refcounts=off", str(raw), str(output)]
