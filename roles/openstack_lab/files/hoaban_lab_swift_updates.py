"""Brings Swift's listings and sums up to date, in one process for all.

An object that its container's server could not be told of is told of here; what an account holds
is added up here alone. Swift's own daemons do one of both each, and look for their configuration
in /etc/swift.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from swift.common import utils
from swift.container.updater import ContainerUpdater
from swift.obj.updater import ObjectUpdater

PAUSE_SECONDS = 15.0
UPDATERS = {"object": ObjectUpdater, "container": ContainerUpdater}


def main(folder: Path) -> None:
    """Update again and again; ``folder`` holds Swift's configuration."""
    utils.set_swift_dir(str(folder))
    utils.monkey_patch()
    jobs = []
    for kind, updater in UPDATERS.items():
        section = f"{kind}-updater"
        conf = utils.readconf(str(folder / f"{kind}-server.conf"), section)
        logger = utils.get_logger(conf, section, log_to_console=True, log_route=section)
        jobs.append(updater(conf, logger=logger))
    while True:
        for job in jobs:
            job.run_once()
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
