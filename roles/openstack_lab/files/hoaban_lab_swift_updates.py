"""Brings Swift's listings and sums up to date, in one process for all.

An object that its container's server could not be told of is told of here; what an account holds
is added up here alone. Swift's own daemons do one of both each, and look for their configuration
in /etc/swift.

Each sweep is a process of its own, as with Swift's daemons. ``run_once`` takes a new hub of
eventlet, and whatever a thread then answers goes to the hub before it, where nobody listens: a
second sweep in the same process would wait for ever, with the lock of some container.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from pathlib import Path

from swift.common import utils
from swift.container.updater import ContainerUpdater
from swift.obj.updater import ObjectUpdater

PAUSE_SECONDS = 15.0
LONGEST_SECONDS = 600
"""A sweep that takes longer is ended: nothing is lost, the next one goes on."""
FORK = multiprocessing.get_context("fork")
UPDATERS = {"object": ObjectUpdater, "container": ContainerUpdater}


def sweep(folder: Path, kind: str) -> None:
    """Update once what is of one kind."""
    utils.set_swift_dir(str(folder))
    utils.monkey_patch()
    section = f"{kind}-updater"
    conf = utils.readconf(str(folder / f"{kind}-server.conf"), section)
    logger = utils.get_logger(conf, section, log_to_console=True, log_route=section)
    UPDATERS[kind](conf, logger=logger).run_once()


def apart(folder: Path, kind: str) -> None:
    """Sweep in a process that ends with it."""
    child = FORK.Process(target=sweep, args=(folder, kind))
    child.start()
    child.join(LONGEST_SECONDS)
    child.kill()
    child.join()


def main(folder: Path) -> None:
    """Update again and again; ``folder`` holds Swift's configuration."""
    while True:
        for kind in UPDATERS:
            apart(folder, kind)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
