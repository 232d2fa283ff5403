"""The province's policies around operations: which packs, and violations with their line."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError, Location, ManyErrors, PolicyError
from hoaban.provision.origin import origin
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hoaban.engine.api import Violation
    from hoaban.provision.target import Target


def policy_packs() -> tuple[Path, ...]:
    """Packs that judge every plan and every update."""
    return (toolkit_root() / "stacks" / "policy",)


@contextmanager
def located(target: Target) -> Iterator[None]:
    """Give violations of policies the line of the inventory that their resource comes from."""
    try:
        yield
    except HoabanError as error:
        for one in error.errors if isinstance(error, ManyErrors) else [error]:
            if isinstance(one, PolicyError) and one.where and one.where.urn:
                one.where = replace(origin(target, one.where.urn), urn=one.where.urn)
        raise


def advised(target: Target, violation: Violation) -> str:
    """What a policy advises against, as one line."""
    told = " ".join(violation.message.split("\n")[1:]) or violation.message
    where = origin(target, violation.urn) if violation.urn else Location()
    place = str(replace(where, urn=violation.urn or None))
    return f"{place}: the policy {violation.policy}: {told}"
