"""Makes a set of files to be backed up, always the same for the same seed; runs on a guest.

Half of the bytes are text, which compresses to about a third; the other half are random, as
pictures and archives are. Sizes are those of an office's files: many small ones, a few large ones.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

SPREAD = 1.3
"""Standard deviation of the sizes' logarithm: one file in forty has a tenfold of the middle one."""
LEAST = 64
FOLDERS = 50
LINES, WORDS = 4096, 600
LETTERS = "abcdeghiklmnopqrstuvxyàáảãạâăđêôơư "


def sizes(draw: random.Random, count: int, total: int) -> list[int]:
    """Sizes of ``count`` files that come to ``total`` bytes."""
    weights = [draw.lognormvariate(0, SPREAD) for _ in range(count)]
    room = total - LEAST * count
    found = [LEAST + int(room * weight / sum(weights)) for weight in weights]
    found[0] += total - sum(found)
    return found


def lines(draw: random.Random) -> list[bytes]:
    """Lines of text of some 80 bytes, of words that come again and again."""
    words = ["".join(draw.choices(LETTERS, k=draw.randint(2, 9))) for _ in range(WORDS)]
    return [(" ".join(draw.choices(words, k=12)) + "\n").encode() for _ in range(LINES)]


def text(draw: random.Random, pool: list[bytes], size: int) -> bytes:
    """So many bytes of it."""
    found = b""
    while len(found) < size:
        found += b"".join(draw.choices(pool, k=size // 80 + 1))
    return found[:size]


def content(draw: random.Random, pool: list[bytes], number: int, size: int) -> bytes:
    """Bytes of the file of that number: text and random ones in turn."""
    return text(draw, pool, size) if number % 2 else draw.randbytes(size)


def path_of(folder: Path, number: int) -> Path:
    """Where the file of that number lies."""
    return folder / f"{number % FOLDERS:02}" / f"{number:05}"


def make(folder: Path, seed: int, count: int, total: int) -> None:
    """Write the files into a new folder."""
    draw = random.Random(seed)  # noqa: S311 - the same again is what is wanted
    pool = lines(draw)
    for number, size in enumerate(sizes(draw, count, total)):
        path = path_of(folder, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(draw, pool, number, size))


def change(folder: Path, seed: int, share: float) -> tuple[int, int]:
    """Write files anew until that share of all bytes is changed; how many files, how many bytes."""
    draw = random.Random(seed)  # noqa: S311 - see above
    pool = lines(draw)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    goal = share * sum(path.stat().st_size for path in paths)
    draw.shuffle(paths)
    files = changed = 0
    for path in paths:
        size = path.stat().st_size
        if changed + size <= goal * 1.1:
            path.write_bytes(content(draw, pool, int(path.name), size))
            files, changed = files + 1, changed + size
        if changed >= goal:
            break
    return files, changed


def main(arguments: list[str]) -> int:
    """Do what the command line says; tell of it in a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--files", type=int)
    parser.add_argument("--bytes", type=int)
    parser.add_argument("--change", type=float, metavar="SHARE")
    asked = parser.parse_args(arguments)
    if asked.change is None:
        make(asked.folder, asked.seed, asked.files, asked.bytes)
    else:
        print(*change(asked.folder, asked.seed, asked.change))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
