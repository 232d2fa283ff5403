"""Programs that run on hosts: each one file, Python's standard library alone.

What each is to do may hold secrets (the password of a repository), so it travels with the program
over standard input, and never in an argument, which every account of the host could read. They
tell what they do as lines of JSON, each an object with a key ``event``.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def program(name: str, asked: Mapping[str, Any]) -> str:
    """The text of an agent, by the name of its module, that does what is asked."""
    text = resources.files(__package__).joinpath(f"{name}.py").read_text(encoding="utf-8")
    return f"{text}\n\nsys.exit(main(json.loads({json.dumps(asked)!r})))\n"
