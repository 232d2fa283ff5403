"""Programs that tests run in a network namespace of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

APART = ("unshare", "--map-root-user", "--net")
"""A network without interfaces and routes, in which the program is root."""


def printed_apart(program: str, *arguments: str) -> str:
    """What a Python program prints there; the test is skipped where the kernel gives no such."""
    if subprocess.run([*APART, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel gives no network namespace")
    command = [*APART, sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
