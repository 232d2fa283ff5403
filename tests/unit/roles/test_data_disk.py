"""What is done to a disk follows from what is found on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hoaban.plugins.modules.data_disk import (
    GIB,
    MIB,
    UNFINISHED,
    Disk,
    Partition,
    RefusedError,
    plan,
)

PART = Partition(
    path="/dev/vdb1",
    start=MIB,
    size=GIB - 2 * MIB,
    name="data",
    filesystem="ext4",
    label="data",
    filesystem_size=GIB - 2 * MIB,
)
BLANK = Disk(path="/dev/vdb", size=GIB, blank=True)
OURS = Disk(path="/dev/vdb", size=GIB, table="gpt", partitions=[PART])


@pytest.mark.parametrize(
    ("disk", "steps"),
    [
        (BLANK, ["partition", "format"]),
        (OURS, []),
        (replace(OURS, size=2 * GIB), ["grow", "fit"]),
        # An interruption after any step leaves a disk from which the rest follows.
        (replace(OURS, partitions=[replace(PART, name=UNFINISHED, filesystem="")]), ["format"]),
        (replace(OURS, partitions=[replace(PART, name=UNFINISHED)]), ["format"]),
        (
            replace(OURS, size=2 * GIB, partitions=[replace(PART, size=2 * GIB - 2 * MIB)]),
            ["fit"],
        ),
        (
            replace(OURS, size=2 * GIB, partitions=[replace(PART, name=UNFINISHED)]),
            ["grow", "format"],
        ),
    ],
)
def test_steps(disk: Disk, steps: list[str]) -> None:
    assert plan(disk, "ext4", "data", size_gb=1) == steps


@pytest.mark.parametrize(
    ("disk", "reason"),
    [
        (replace(BLANK, blank=False), "is not blank"),
        (
            replace(BLANK, blank=False, content="xfs with the label 'old'"),
            "holds xfs with the label",
        ),
        (replace(BLANK, size=GIB - 1), "not the 1 GiB"),
        (replace(OURS, table="dos"), "dos partition table with 1 partitions"),
        (replace(OURS, partitions=[PART, PART]), "gpt partition table with 2 partitions"),
        (replace(OURS, partitions=[]), "gpt partition table with 0 partitions"),
        (replace(OURS, table=""), "strange partition table with 1 partitions"),
        (replace(OURS, partitions=[replace(PART, label="other")]), "ext4 with the label 'other'"),
        (replace(OURS, partitions=[replace(PART, filesystem="xfs")]), "xfs with the label 'data'"),
        (replace(OURS, partitions=[replace(PART, filesystem="")]), "no known file system"),
    ],
)
def test_refusals(disk: Disk, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        plan(disk, "ext4", "data", size_gb=1)


def test_what_is_refused_can_be_erased_on_purpose() -> None:
    with pytest.raises(RefusedError, match="wipefs --all /dev/vdb && blkdiscard -z /dev/vdb"):
        plan(replace(BLANK, blank=False), "ext4", "data")
