"""``python -m tests.engine.crowd FOLDER…``: a stack in each folder, two brought up at once.

Each is held in a call to its cloud until ``go-on`` is in its folder. Prints what became of each as
JSON, by folder. Ctrl-C goes the way it goes in the command.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from hoaban.engine.api import Interrupted, Options
from hoaban.engine.embedded import secrets
from hoaban.interrupts import Abandoned, leave
from hoaban.provision.workers import side_by_side
from tests.engine.conftest import Lab
from tests.engine.direct import load_cloud

PROGRAM = """
a = Thing("a")
b = Thing("b", a=a.id)
c = Thing("c", b=b.id)
"""
WORKERS = 2


def bring_up(folder: Path) -> str:
    vars(secrets)["PBKDF2_COUNT"] = 1000  # as in the tests, which read the states
    cloud = load_cloud(folder / "cloud.json")
    lab = Lab(folder, cloud)

    def held() -> None:
        (folder / "begun").write_text(str(os.getpid()))
        until = time.monotonic() + 120
        while not (folder / "go-on").exists() and time.monotonic() < until:
            time.sleep(0.02)

    cloud.fail["create b"] = held
    lab.program(PROGRAM)
    try:
        lab.engine.up(lab.stack, Options(), lambda _: None)
    except Interrupted:
        return "interrupted"
    return "done"


def main() -> None:
    told = {}
    try:
        for folder, future in side_by_side(bring_up, [Path(one) for one in sys.argv[1:]], WORKERS):
            try:
                told[str(folder)] = future.result()
            except CancelledError:
                told[str(folder)] = "not begun"
            except BrokenProcessPool:
                told[str(folder)] = "died"
    except Abandoned:
        leave()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
