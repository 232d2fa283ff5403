"""An engine that does what it is told, and a cloud that answers from a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.engine.api import Options, PlannedStep, ProtectedError, UpdateKind, UpdateResult
from hoaban.errors import HoabanError, Location, ManyErrors
from hoaban.openstack.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hoaban.engine.api import EventHandler, Stack
    from hoaban.engine.drift import Sight


def step(op: str, type_: str, name: str, **more: Any) -> PlannedStep:
    urn = f"urn:pulumi:so-thu-nghiem::agency::{type_}::{name}"
    return PlannedStep(op, urn, type_, **more)


@dataclass
class FakeEngine:
    """Plans ``steps``; those in ``protected`` are refused until they are released."""

    steps: Sequence[PlannedStep] = ()
    protected: Sequence[str] = ()
    broken: HoabanError | None = None
    calls: list[tuple[str, Options]] = field(default_factory=list)
    configs: list[Mapping[str, Any]] = field(default_factory=list)
    name: str = "fake"
    looks: bool = True
    sight: Sight | None = None

    def preview(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        self.calls.append(("preview", options))
        self.configs.append(stack.config)
        if self.broken:
            raise self.broken
        held = [urn for urn in self.protected if urn not in options.released]
        if held:
            errors = [
                ProtectedError("it is protected and would be deleted", where=Location(urn=urn))
                for urn in held
            ]
            raise errors[0] if len(errors) == 1 else ManyErrors(errors)
        return self._result(UpdateKind.PREVIEW)

    def up(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        self.calls.append(("up", options))
        self.configs.append(stack.config)
        return self._result(UpdateKind.UPDATE)

    def refresh(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        self.calls.append(("refresh", options))
        return self._result(UpdateKind.REFRESH)

    def destroy(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        self.calls.append(("destroy", options))
        return self._result(UpdateKind.DESTROY)

    def outputs(self, stack: Stack) -> Mapping[str, Any]:
        return {}

    def _result(self, kind: UpdateKind) -> UpdateResult:
        changes: dict[str, int] = {}
        for one in self.steps:
            changes[one.op] = changes.get(one.op, 0) + 1
        return UpdateResult(kind, changes, self.steps, {}, 0.1, sight=self.sight)


@dataclass
class FakeCloud:
    """Answers ``GET`` by service and path; what is not in the table is not found."""

    answers: dict[tuple[str, str], Any]

    def json(self, service: str, method: str, path: str, **_: Any) -> dict[str, Any]:
        assert method == "GET"
        answer = self.answers.get((service, path))
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            raise CloudError(f"no {path}", status=404)
        assert isinstance(answer, dict)
        return answer

    def find(self, service: str, path: str, **how: Any) -> dict[str, Any] | None:
        try:
            return self.json(service, "GET", path, **how)
        except CloudError as error:
            if error.status == 404:
                return None
            raise

    def pages(self, service: str, path: str, collection: str, **how: Any) -> Iterator[Any]:
        yield from self.json(service, "GET", path, **how)[collection]
