"""Work on several hosts in turn, as `drill` and `offline` do it: a fault of one stops no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import typer

from hoaban.cli.operation import Failures
from hoaban.console import Steps, print_json, stdout
from hoaban.errors import ExitCode, HoabanError, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Named(Protocol):
    """What a host is known by."""

    @property
    def name(self) -> str:
        """Its name."""


Host = TypeVar("Host", bound=Named)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one host: for JSON, for people, and whether it is as it must be."""

    document: dict[str, Any]
    good: bool = True
    tell: Callable[[], None] | None = None


def each_host(
    chosen: Sequence[Host],
    work: Callable[[Host, Steps], Outcome | None],
    *,
    nothing: str,
    json_: bool,
) -> None:
    """Do the work, tell what came of it, and leave with status 1 when anything is not good.

    ``work`` returns None where there is nothing to tell; ``nothing`` is said when no host is
    chosen.
    """
    documents: list[dict[str, Any]] = []
    failures = Failures()
    good = True
    with Steps(quiet=json_) as steps:
        for host in chosen:
            try:
                outcome = work(host, steps)
            except HoabanError as error:
                failures.add(host.name, error)
                documents.append({"host": host.name, "errors": listed(error)})
                continue
            if outcome is None:
                continue
            good = good and outcome.good
            documents.append(outcome.document | {"errors": []})
            if outcome.tell is not None and not json_:
                outcome.tell()
    if json_:
        print_json(documents)
    elif not chosen:
        stdout().print(nothing)
    failures.tell(quiet=json_)
    if not good:
        raise typer.Exit(int(ExitCode.ERROR))
