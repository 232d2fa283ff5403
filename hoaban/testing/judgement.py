"""Whether a Molecule test that says it passed has tested anything, from a record of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

Record = dict[str, Any]
"""One run of a playbook: its name, whether in check mode, what ran, changed and failed by host."""


def judge(
    records: list[Record], instances: set[str], unforeseen: Collection[str] = ()
) -> list[str]:
    """What is wrong with a whole test's records, given the names of its instances.

    ``unforeseen`` are names of tasks that check mode can't predict.
    """
    complaints = []
    runs = {"check": 0, "converge": 0, "verify": 0}
    for record in records:
        kind = record["playbook"].removesuffix(".yml")
        kind = "check" if record["check"] else kind
        if kind not in runs:
            continue
        runs[kind] += 1
        reached = {host for host, seen in record["hosts"].items() if seen["ran"]}
        if instances - reached:
            complaints.append(f"{kind} did nothing on {', '.join(sorted(instances - reached))}")
    expected = {"check": 1, "converge": 2, "verify": 1}
    complaints += [
        f"{kind} ran {runs[kind]} times, not {count}"
        for kind, count in expected.items()
        if runs[kind] != count
    ]
    return complaints + mispredicted(records, unforeseen)


def failures(records: list[Record]) -> list[str]:
    """Which task ended which host's run of which playbook, and what it said."""
    return [
        f"{record['playbook']}, {host}: {seen['failed']}"
        for record in records
        for host, seen in record["hosts"].items()
        if seen["failed"]
    ]


def mispredicted(records: list[Record], unforeseen: Collection[str] = ()) -> list[str]:
    """Differences between what check mode predicted and what the first converge changed.

    Only what is ``unforeseen`` may change without a prediction, and it must have none.
    """
    runs = [record for record in records if record["playbook"] == "converge.yml"]
    predicted: Record = next((run["hosts"] for run in runs if run["check"]), {})
    actual: Record = next((run["hosts"] for run in runs if not run["check"]), {})
    complaints = []
    for host in sorted({*predicted, *actual}):
        foretold = set(predicted.get(host, {}).get("changed", []))
        happened = set(actual.get(host, {}).get("changed", []))
        missed = happened - foretold - set(unforeseen)
        complaints += [f"{host}: check mode did not predict: {t}" for t in sorted(missed)]
        vain = sorted(foretold - happened)
        complaints += [f"{host}: check mode predicted in vain: {t}" for t in vain]
        wrong = sorted(foretold & set(unforeseen))
        complaints += [f"{host}: unforeseen.yml names what is foreseen: {t}" for t in wrong]
    return complaints
