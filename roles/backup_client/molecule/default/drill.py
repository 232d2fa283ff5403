"""Prints a program that a drill runs on a host: drill.py NAME ESCROW IDENTITY.

``restic`` restores the newest snapshot below /srv/drill with the access of the escrow, as on a
server that has none of its own (the backup host's certificate comes on standard input);
``compare`` holds the result against what the client recorded.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hoaban.backup.agents import program
from hoaban.sealing import open_sealed

TARGET = "/srv/drill"


def main(name: str, escrow: str, identity: str) -> None:
    """Print the program."""
    if name == "compare":
        asked: dict[str, object] = {"root": TARGET, "paths": ["/srv/data", "/srv/data/.dumps"]}
    else:
        opened = open_sealed(Path(escrow).read_bytes(), Path(identity).read_text().splitlines()[1])
        lines = (line.split("=", 1) for line in opened.decode().splitlines())
        environment = {key: value for key, value in lines if key.startswith("RESTIC_")}
        asked = {
            "arguments": ["restore", "latest", "--target", TARGET, "--json"],
            "access": {"environment": environment, "certificate": sys.stdin.read()},
        }
    sys.stdout.write(program(name, asked))


if __name__ == "__main__":
    main(*sys.argv[1:])
