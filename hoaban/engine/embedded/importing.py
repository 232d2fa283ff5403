"""Bringing objects that exist under a stack, as ``pulumi import`` does.

Semantics are those of Pulumi's own importer (pkg/resource/deploy/import.go, and ``ImportStep`` in
step.go). All is read and checked before anything is written, and then the checkpoint is replaced in
one step: whatever happens meanwhile, the state has the whole import or nothing of it. The cloud is
only read, so there is nothing that a journal would have to tell.
"""

from __future__ import annotations

import concurrent.futures
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pulumi.automation.events import OpType

from hoaban.engine.embedded.adoption import Adopted, adopt, declared, ids_in
from hoaban.engine.embedded.codegen import Declaration, generate
from hoaban.engine.embedded.defaults import default_goal, is_default
from hoaban.engine.embedded.order import in_order
from hoaban.engine.embedded.sdk import sdk_version
from hoaban.engine.embedded.state import Resource, timestamp
from hoaban.engine.embedded.steps import Step
from hoaban.engine.embedded.urns import STACK_TYPE, is_provider, make_urn, package_of
from hoaban.engine.imports import resolve
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.embedded.executor import Executor
    from hoaban.engine.embedded.failures import Failures
    from hoaban.engine.imports import Import, ImportRequest
    from hoaban.engine.values import Secret


@dataclass(slots=True)
class Importer:
    """Imports into one state; ``program`` is then the text that declares what was imported."""

    name: StackName
    config: Mapping[str, str | Secret]
    request: ImportRequest
    executor: Executor
    failures: Failures
    parallel: int
    program: str = ""
    _live: dict[str, Resource] = field(init=False, default_factory=dict)
    _new: dict[str, Resource] = field(init=False, default_factory=dict)
    _adopted: dict[str, Adopted] = field(init=False, default_factory=dict)

    def run(self) -> list[Resource] | None:
        """All resources of the state with the import in it; None when it failed or was stopped."""
        olds = self.executor.ledger.olds
        self._live = {one.urn: one for one in olds if not one.delete}
        imports = resolve(self.request, self.name.stack, self.name.project)
        root = self._root()
        wanted = [(one, self._wanted(one, root)) for one in imports if not self._there(one)]
        if self.failures:
            return None
        workers = max(1, min(self.parallel, len(wanted)))
        with concurrent.futures.ThreadPoolExecutor(workers, "import") as pool:
            list(pool.map(lambda pair: self._look(*pair), wanted))
        self._refuse_twins(imports)
        if self.failures:
            return None
        self._link(imports)
        self._tell(olds)
        if self.request.generate_code:
            self.program = self._program(imports, root)
        return in_order([*olds, *self._new.values()])

    # --- before anything is read -----------------------------------------------------------------

    def _root(self) -> str:
        """The URN of the stack's own resource, which is made where it is missing."""
        for one in self._live.values():
            if one.type == STACK_TYPE:
                return one.urn
        name, project = self.name.stack, self.name.project
        urn = make_urn(name, project, "", STACK_TYPE, f"{project}-{name}")
        self._new[urn] = Resource(urn=urn, type=STACK_TYPE, custom=False)
        return urn

    def _there(self, one: Import) -> bool:
        """Whether the state has it already, as the same object."""
        old = self._live.get(one.urn)
        if old is None:
            return False
        if one.spec.id == (old.import_id or old.id):
            return True
        self._refuse(
            one,
            f"the state has {old.id or 'a component'} under this name already",
            f"give it another name; or, if that one may go: hoaban state delete '{one.urn}'",
        )
        return True

    def _wanted(self, one: Import, root: str) -> Resource:
        """The resource as it is to be, but for what the cloud tells."""
        spec = one.spec
        if one.parent and one.parent not in self._live and one.parent not in self._new:
            self._refuse(
                one,
                f"its parent is not in the state: {one.parent}",
                'import it too: {"type": …, "name": …, "component": true}',
            )
        wanted = Resource(
            urn=one.urn,
            type=spec.type,
            custom=not spec.component,
            id=spec.id,
            parent=one.parent or root,
            protect=self.request.protect,
        )
        if wanted.custom:
            wanted = replace(wanted, provider=self._provider(one))
        self._new[one.urn] = wanted
        return wanted

    def _refuse(self, one: Import, what: str, mend: str) -> None:
        self.failures.add(HoabanError(what, where=replace(one.where, urn=one.urn), mend=mend))

    def _provider(self, one: Import) -> str:
        """The reference of the provider that serves a resource; a default one may be new."""
        if one.provider:
            found = self._live.get(one.provider)
            if found is None:
                self._refuse(
                    one,
                    f"its provider is not in the state: {one.provider}",
                    "hoaban stack export AGENCY lists what there is, by urn",
                )
                return ""
            return f"{found.urn}::{found.id}"
        package = package_of(one.spec.type)
        version = one.spec.version or sdk_version(package)
        try:
            made = self._default(package, version)
        except HoabanError as error:
            error.where = error.where or replace(one.where, urn=one.urn)
            self.failures.add(error)
            return ""
        self._advise(one, package)
        return f"{made.urn}::{made.id}"

    def _default(self, package: str, version: str) -> Resource:
        goal = default_goal(self.name, package, version, self.config)
        found = self._live.get(goal.urn) or self._new.get(goal.urn)
        if found is None:
            registry = self.executor.registry
            inputs = registry.check(goal.urn, goal.type, goal.inputs)
            now = timestamp()
            found = replace(registry.make(goal.resource(inputs)), created=now, modified=now)
            self._new[goal.urn] = found
        return found

    def _advise(self, one: Import, package: str) -> None:
        """A program that serves the resource by another provider would have it made anew."""
        own = [
            other.urn
            for other in self._live.values()
            if is_provider(other.type)
            and package_of(other.type) == package
            and not is_default(other.urn)
        ]
        if own:
            self.executor.report.say(
                "warning",
                "it is read through the default provider; "
                f"if the program serves it by another, name that: --provider name={own[0]}",
                urn=one.urn,
            )

    # --- reading ---------------------------------------------------------------------------------

    def _look(self, one: Import, wanted: Resource) -> None:
        if self.failures.cancelled:
            return
        now = timestamp()
        step = Step(OpType.IMPORT, one.urn, None, wanted)
        report = self.executor.report
        report.started(step)
        try:
            if wanted.custom:
                with self.executor.slots:
                    found = adopt(self.executor.registry.get(wanted.provider), wanted, one.spec)
            else:
                found = Adopted(wanted)
        except Exception as error:  # noqa: BLE001 (told to the caller's thread)
            if isinstance(error, HoabanError):
                error.where = _joined(error.where, one.where)
                report.failed(step, error.what)
            self.failures.add(error, one.urn)
            return
        for line in found.warnings:
            report.say("warning", line, urn=one.urn)
        self._adopted[one.urn] = found
        self._new[one.urn] = replace(found.resource, created=now, modified=now)

    def _refuse_twins(self, imports: Sequence[Import]) -> None:
        """One object under two names would be deleted when one of them goes."""
        known: dict[tuple[str, str, str], str] = {
            (one.type, one.id, one.provider): one.urn for one in self._live.values() if one.custom
        }
        for one in imports:
            if one.spec.component or one.urn not in self._adopted:
                continue
            new = self._new[one.urn]
            other = known.setdefault((new.type, new.id, new.provider), one.urn)
            if other != one.urn:
                self._refuse(
                    one,
                    f"{new.id} is there already, as {other}",
                    f"leave it out; to call it otherwise: hoaban state rename '{other}' NAME",
                )

    def _link(self, imports: Sequence[Import]) -> None:
        """Note which of the stack's resources the new ones refer to, by id, and so come after.

        Pulumi's importer leaves that to the next update. A destroy before that would begin with
        what others use.
        """
        ids: dict[str, list[str]] = {}
        for known in {**self._live, **self._new}.values():
            if known.custom and not known.external and not is_provider(known.type):
                ids.setdefault(known.id, []).append(known.urn)
        variables = {one.urn for one in imports} | set(self.request.names.values())
        owners = {id_: urns[0] for id_, urns in ids.items() if len(urns) == 1}
        for urn, found in self._adopted.items():
            named = {key: ids_in(key, value, owners, urn) for key, value in found.given.items()}
            named = {
                key: by_id
                for key, by_id in named.items()
                if by_id and not any(self._reaches(other, urn) for other in by_id.values())
            }
            found.references = {
                key: {id_: other for id_, other in by_id.items() if other in variables}
                for key, by_id in named.items()
            }
            needs = {key: sorted(set(by_id.values())) for key, by_id in named.items()}
            self._new[urn] = replace(
                self._new[urn],
                property_dependencies=needs,
                dependencies=tuple(sorted({one for urns in needs.values() for one in urns})),
            )

    def _reaches(self, start: str, goal: str) -> bool:
        """Whether a new resource needs another, through however many steps."""
        one = self._new.get(start)
        needs = one.references() if one is not None else set()
        return goal in needs or any(self._reaches(other, goal) for other in needs)

    # --- telling ---------------------------------------------------------------------------------

    def _tell(self, olds: Sequence[Resource]) -> None:
        report = self.executor.report
        for old in olds:
            if not old.delete:
                report.done(Step(OpType.SAME, old.urn, old, old))
        for urn, new in self._new.items():
            op = OpType.IMPORT if urn in self._adopted else OpType.CREATE
            report.done(Step(op, urn, None, new))

    def _program(self, imports: Sequence[Import], root: str) -> str:
        """The text that declares what the person named, as it is now."""
        by_urn = {one.urn: one for one in imports}
        everything = in_order([*self._live.values(), *self._new.values()])
        declarations = [
            self._declaration(by_urn[one.urn], one) for one in everything if one.urn in by_urn
        ]
        table = {urn: name for name, urn in self.request.names.items()}
        return generate(declarations, table, self.name.project, root)

    def _declaration(self, one: Import, resource: Resource) -> Declaration:
        found = self._adopted.get(one.urn)
        if found is None and resource.custom:  # there already, as the same object
            found = declared(self.executor.registry.get(resource.provider), resource)
        return Declaration(
            resource=resource,
            variable=one.variable,
            inputs=found.given if found is not None else {},
            references=found.references if found is not None else {},
            provider=one.provider,
            version=one.spec.version,
            remote=one.spec.remote,
        )


def _joined(where: Location | None, place: Location) -> Location:
    where = where or Location()
    return replace(
        where,
        file=where.file or place.file,
        line=where.line or place.line,
        key=where.key or place.key,
    )
