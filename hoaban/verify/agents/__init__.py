"""Programs that run on hosts: each one file, Python's standard library alone, JSON on its output.

They are sent over SSH to ``python3 -``, so that nothing has to be installed. Each takes one
argument, a JSON object.
"""

from __future__ import annotations

from importlib import resources


def source(name: str) -> str:
    """Text of an agent, by the name of its module."""
    return resources.files(__package__).joinpath(f"{name}.py").read_text(encoding="utf-8")
