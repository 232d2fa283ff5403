"""``make bench``: the figures of this machine, as a table and as JSON.

Needs the lab with the fake hypervisor. What can be compared is measured side by side in one run and
told as a ratio, since a machine's speed drifts; plain seconds stand beside for orientation.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.console import stderr
from hoaban.engine.api import Options
from hoaban.provision import operations
from hoaban.provision.engines import engine_for
from hoaban.provision.guard import Consent
from hoaban.provision.target import Target
from hoaban.workspace import Workspace
from tests.bench.province import CROWD, PAIR, BenchProvince
from tests.bench.straight import Lent, Straight, connect

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3
ANYTHING = Consent(delete_data=True, allow_replace=True)


def seconds(work: Callable[[], Any]) -> float:
    """Wall seconds of a call."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def up(folder: Path, agency: str | None) -> None:
    """Provision one stack of a workspace (also called in processes of a pool)."""
    target = Target.load(Workspace(folder, folder / ".hoaban"), agency)
    operations.up(
        target, engine_for(), lambda _: None, consent=ANYTHING, options=Options(), config=CONFIG
    )


def destroy(folder: Path, agency: str | None) -> None:
    """Remove one stack of a workspace."""
    target = Target.load(Workspace(folder, folder / ".hoaban"), agency)
    operations.destroy(target, engine_for(), lambda _: None, consent=ANYTHING, options=Options())


CONFIG: dict[str, str] = {}


def against_straight(bench: BenchProvince) -> dict[str, Any]:
    """``up`` of one agency, and the same objects by plain SDK calls, in turn."""
    target = bench.target(None)
    built = target.built()
    assert built is not None
    assert built.province is not None
    lent = Lent(
        built.province.router_id,
        built.province.image_id,
        built.province.key_pair,
        built.province.flavor_ids,
    )
    agency, twin = PAIR
    ours, theirs = [], []

    def ours_once() -> None:
        ours.append(seconds(lambda: up(bench.folder, agency)))

    def plan() -> None:
        target = bench.target(agency)
        operations.plan(target, engine_for(), lambda _: None, config=CONFIG)

    plans: list[float] = []
    for number in range(ROUNDS):
        straight = Straight(connect(bench.workspace.inventory), bench.target(twin).plan, lent)

        def theirs_once(straight: Straight = straight) -> None:
            theirs.append(seconds(straight.up))

        for once in (ours_once, theirs_once) if number % 2 == 0 else (theirs_once, ours_once):
            once()
        plans.append(seconds(plan))
        straight.down()
        destroy(bench.folder, agency)
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {
        "up of one agency, s": round(statistics.median(ours), 1),
        "same objects by SDK calls, s": round(statistics.median(theirs), 1),
        "ratio, pair by pair": [round(ratio, 2) for ratio in ratios],
        "ratio, median": round(statistics.median(ratios), 2),
        "plan of an unchanged agency, s": round(statistics.median(plans), 1),
    }


def crowd(bench: BenchProvince) -> dict[str, Any]:
    """``up`` of many agencies, two at a time."""
    with ProcessPoolExecutor(2) as pool:
        took = seconds(lambda: list(pool.map(up, [bench.folder] * len(CROWD), CROWD)))
        list(pool.map(destroy, [bench.folder] * len(CROWD), CROWD))
    return {"agencies": len(CROWD), "up of all, s": round(took, 1)}


def main() -> int:
    """Run the benchmarks; the JSON is also kept under ``.hoaban/bench.json``."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="hoaban-bench-") as name:
        bench = BenchProvince(Path(name))
        CONFIG.update(bench.config)
        try:
            stderr().print("foundation …")
            figures["foundation up, s"] = round(seconds(lambda: up(bench.folder, None)), 1)
            stderr().print("one agency against plain SDK calls …")
            figures |= against_straight(bench)
            stderr().print(f"{len(CROWD)} agencies …")
            figures |= crowd(bench)
        finally:
            destroy(bench.folder, None)
    out = Path(".hoaban") / "bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for key, value in figures.items():
        print(f"{key:<36}{value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
