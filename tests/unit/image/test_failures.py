from __future__ import annotations

from pathlib import Path

import pytest

from hoaban.image.failures import explain

FOLDER = Path("/var/cache/images")


@pytest.mark.parametrize(
    ("output", "what", "mend"),
    [
        ("cp: error writing 'x': No space left on device", "the disk is full", "HOABAN_IMAGE_DIR"),
        ("mke2fs: Could not allocate block: No space left on device", "the disk is full", "free"),
        ("E: Failed to fetch http://a/b  Temporary failure resolving 'a'", "mirror", "apt-get"),
        ("Err:1 http://a trixie InRelease Could not connect to a:80", "mirror", "trixie"),
        ("E: The repository 'http://a x' does not have a Release file.", "mirror", "trixie"),
        ("E: Unable to locate package htopp", "no package htopp", "packages.txt"),
        ("Segmentation fault", "mmdebstrap failed", "build again"),
    ],
)
def test_output_of_a_program_becomes_one_message(output: str, what: str, mend: str) -> None:
    error = explain("mmdebstrap failed", f"I: a line before\n{output}\n", FOLDER)
    assert what in error.what
    assert mend in str(error.mend)
    assert output in str(error.detail)


def test_the_tail_is_shown_without_passwords() -> None:
    lines = [f"line {number}" for number in range(100)]
    output = "\n".join([*lines, "E: Failed to fetch https://user:secret@mirror.example/debian/x"])
    error = explain("mmdebstrap failed", output, FOLDER)
    assert "secret" not in f"{error} {error.detail}"
    assert "https://mirror.example/debian/x" in str(error.detail)
    assert len(str(error.detail).splitlines()) == 15
