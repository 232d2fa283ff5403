"""Hardening, judged by others: Lynis and OpenSCAP on a real guest, before the roles and after.

The guest is the toolkit's own image under QEMU, without a lab; the roles are those that a server of
an agency gets. What is still complained of is left in ``.hoaban/bench/hardening-left.json``.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hoaban.console import stderr
from hoaban.image.recipe import CODENAME
from hoaban.runfolder import run_folder
from hoaban.testing.guest import Guest
from tests.bench import judges
from tests.bench.figures import FOLDER, Figures
from tests.bench.visit import Visit

NAME = "bench-hardening"
LEVEL = 4
"""The highest level that a province's own systems have (Decree 85/2016/NĐ-CP)."""
LEFT = "hardening-left.json"
RESULTS = {"pass": "passed", "fail": "failed", "notapplicable": "not applicable"}


def main() -> Figures:
    """Boot, judge, apply the roles, boot again, judge again."""
    figures = Figures("hardening")
    with tempfile.TemporaryDirectory(prefix="hoaban-bench-") as name:
        folder = Path(name)
        guest = Guest(NAME, folder / "guest", run_folder() / f"{NAME}.qmp")
        try:
            with figures.time("boot"):
                guest.start([])
            visit = Visit(guest)
            stderr().print("Lynis and OpenSCAP go there …")
            judges.install(visit, folder / "archive", CODENAME)
            judge(visit, figures, "before")
            with figures.time(f"roles of a server of level {LEVEL}"):
                visit.apply_roles(folder / "province", LEVEL)
            with figures.time("boot after that"):
                visit.reboot()
            left = judge(visit, figures, "after")
        finally:
            guest.stop()
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / LEFT
    path.write_text(json.dumps(left, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"what is complained of: {path}")
    return figures


def judge(visit: Visit, figures: Figures, when: str) -> dict[str, object]:
    """Ask both, one after the other: side by side under emulation each takes twice as long."""
    with figures.time(f"OpenSCAP asked {when}"):
        scap = judges.ask_scap(visit)
    with figures.time(f"Lynis asked {when}"):
        lynis = judges.ask_lynis(visit)
    figures.add(f"Lynis {lynis.version}, hardening index {when}", lynis.index)
    figures.add(f"Lynis, warnings {when}", len(lynis.warnings))
    figures.add(f"Lynis, suggestions {when}", len(lynis.suggestions))
    for result, noun in RESULTS.items():
        figures.add(f"OpenSCAP, CIS level 2 server, {noun} {when}", scap.count(result))
    figures.add(f"OpenSCAP, percent of rules passed {when}", scap.share)
    return judges.as_json(lynis, scap)
