"""Runs a policy pack, in a process of its own: ``python -m …policy_runner MAIN``.

An ordinary pack serves until it is ended, and prints the port on which it does. Standard input
stays open for as long as the engine lives; when it closes, so does this process.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
from pathlib import Path


def _end_with_engine() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Run the pack."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine decides what Ctrl-C means
    threading.Thread(target=_end_with_engine, daemon=True).start()
    pack = sys.argv[1]
    sys.path.insert(0, str(Path(pack).parent))
    sys.argv = [pack]
    runpy.run_path(pack, run_name="__main__")


if __name__ == "__main__":
    main()
