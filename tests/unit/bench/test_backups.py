"""The files of the benchmark of backups, and what it makes of its times."""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import dataset
from tests.bench.backups import FIRST, OURS, PLAIN, Bout
from tests.bench.figures import Figures

if TYPE_CHECKING:
    from pathlib import Path

COUNT, TOTAL = 60, 300_000


def content(folder: Path) -> dict[str, bytes]:
    """All files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@given(seed=st.integers(0, 999), count=st.integers(1, 300), room=st.integers(0, 100_000))
def test_sizes_come_to_the_total(seed: int, count: int, room: int) -> None:
    total = count * dataset.LEAST + room
    sizes = dataset.sizes(random.Random(seed), count, total)  # noqa: S311 - no secret
    assert len(sizes) == count
    assert sum(sizes) == total
    assert min(sizes) >= dataset.LEAST


def test_files_are_as_many_as_asked_and_the_same_for_a_seed(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        dataset.make(tmp_path / name, seed, COUNT, TOTAL)
    one = content(tmp_path / "one")
    assert len(one) == COUNT
    assert sum(map(len, one.values())) == TOTAL
    assert content(tmp_path / "again") == one
    assert not set(content(tmp_path / "other").values()) & set(one.values())


def test_one_half_compresses_and_the_other_does_not() -> None:
    draw = random.Random(1)  # noqa: S311 - no secret
    pool = dataset.lines(draw)
    size = 50_000
    text, noise = (dataset.content(draw, pool, number, size) for number in (1, 2))
    assert len(text) == len(noise) == size
    assert size / 5 < len(zlib.compress(text)) < size / 2
    assert len(zlib.compress(noise)) > size


def test_more_text_than_the_lines_have_is_there(tmp_path: Path) -> None:
    draw = random.Random(1)  # noqa: S311 - no secret
    assert len(dataset.text(draw, [b"ab\n"], 1000)) == 1000


def test_a_share_changes_and_the_rest_stays(tmp_path: Path) -> None:
    dataset.make(tmp_path, 1, COUNT, TOTAL)
    before = content(tmp_path)
    files, size = dataset.change(tmp_path, 7, 0.1)
    after = content(tmp_path)
    changed = [name for name in before if before[name] != after[name]]
    assert len(changed) == files > 0
    assert sum(len(after[name]) for name in changed) == size
    assert {name: len(one) for name, one in after.items()} == {
        name: len(one) for name, one in before.items()
    }
    assert size == pytest.approx(0.1 * TOTAL, rel=0.2)


def test_times_become_ratios_round_by_round() -> None:
    bout = Bout()
    for ours, plain in ((40, 20), (30, 20)):
        bout.note(FIRST, OURS, ours)
        bout.note(FIRST, PLAIN, plain)
    bout.tell(figures := Figures("backups"))
    assert figures.values[f"{FIRST}, {OURS}, MB/s"] == [5.0, 6.67]
    assert figures.values[f"{FIRST}, time to that of {PLAIN}, ratio"] == [2.0, 1.5]
