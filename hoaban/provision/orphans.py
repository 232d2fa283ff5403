"""Objects in the cloud that a stack made and no state owns any more."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from hoaban.engine.embedded import calls
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.copies import copies
from hoaban.engine.embedded.custody import held
from hoaban.engine.embedded.keys import resource_key
from hoaban.engine.embedded.providers import Registry
from hoaban.engine.embedded.state import Resource
from hoaban.engine.embedded.urns import is_provider
from hoaban.engine.provider import ResourceState
from hoaban.errors import HoabanError, Location
from hoaban.openstack import OpenStackProvider
from hoaban.openstack.keys import mark
from hoaban.provision.engines import provider
from hoaban.provision.leftovers import PROJECT
from hoaban.provision.stacks import stack_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hoaban.engine.embedded.state import Snapshot
    from hoaban.openstack.marked import Marked
    from hoaban.provision.target import Target
    from hoaban.workspace import Workspace

# What is in the way of others goes first; a project last.
_ORDER: Final = (
    "openstack:compute/instance:Instance",
    "openstack:networking/floatingIp:FloatingIp",
    "openstack:blockstorage/volume:Volume",
    "openstack:networking/port:Port",
    "openstack:networking/router:Router",
    "openstack:networking/subnet:Subnet",
    "openstack:networking/network:Network",
)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A marked object that no state owns.

    ``stack`` and ``urn`` are of the resource whose create made it, as far as any state, copy or
    journal of this workspace still knows it; else only the stack whose project it is in, or none:
    then another workspace may own it.
    """

    object: Marked
    stack: str = ""
    urn: str = ""

    def to_json(self) -> dict[str, Any]:
        """The orphan as plain values."""
        return {**asdict(self.object), "stack": self.stack, "urn": self.urn}

    def __str__(self) -> str:
        one = self.object
        whose = self.urn or (
            f"in the project of {self.stack}" if self.stack else "whose? not known"
        )
        return f"{one.label} {one.name or one.id} ({one.id}): {whose}"


@dataclass(frozen=True, slots=True)
class _Past:
    """What the files of one stack tell of what it made."""

    name: StackName
    owned: frozenset[str]
    projects: frozenset[str]


def orphans(workspace: Workspace, cloud: OpenStackProvider) -> list[Orphan]:
    """All orphans that the cloud's credentials see. Every list of the cloud is asked for once."""
    backend = Backend(workspace.backend)
    pasts = [_read(backend, name) for name in _names(backend)]
    owned = {id_ for past in pasts for id_ in past.owned}
    found = [one for one in cloud.marked() if one.id not in owned]
    if not found:
        return []
    by_mark = _known(backend, [past.name for past in pasts], found)
    in_project = {id_: past.name for past in pasts for id_ in past.projects}
    told = []
    for one in found:
        known = next((by_mark[text] for text in one.marks if text in by_mark), None)
        if known is not None:
            told.append(Orphan(one, str(known[0]), known[1]))
        else:
            name = in_project.get(one.project)
            told.append(Orphan(one, str(name) if name else ""))
    return told


def of_stack(found: Iterable[Orphan], target: Target) -> list[Orphan]:
    """Those of one stack."""
    name = str(StackName(target.project, target.stack_name))
    return [one for one in found if one.stack == name]


def cloud_of(target: Target) -> OpenStackProvider:
    """The cloud of a target, by the workspace's own credentials."""
    made = OpenStackProvider(stack_for(target).environment)
    made.configure({}, preview=False)
    return made


def _names(backend: Backend) -> list[StackName]:
    found = {*backend.stacks(), *backend.journals(), *backend.forgotten()}
    return sorted(found, key=str)


def _read(backend: Backend, name: StackName) -> _Past:
    """What a stack owns: all ids in its state, and in the journal of a run that is not over."""
    checkpoint, _ = backend.read(name)
    latest = checkpoint.latest if checkpoint is not None else {}
    resources = [*(latest.get("resources") or ())]
    journal = backend.storage.read_log(backend.journal_key(name))
    for line in (journal or b"").splitlines():
        try:
            change = json.loads(line)
        except ValueError:  # cut off
            continue
        resources += [change["resource"]] if isinstance(change.get("resource"), dict) else []
    owned = frozenset(str(one["id"]) for one in resources if one.get("id"))
    projects = {str(one["id"]) for one in resources if one.get("type") == PROJECT and one.get("id")}
    for key in () if projects else _copies(backend, name):
        projects |= {
            str(one["id"])
            for one in _resources(backend, key)
            if one.get("type") == PROJECT and one.get("id")
        }
    return _Past(name, owned, frozenset(projects))


def _copies(backend: Backend, name: StackName) -> list[str]:
    """Keys of a stack's copies, newest first."""
    return [copy.key for copy in reversed(copies(backend, name))]


def _resources(backend: Backend, key: str) -> list[dict[str, Any]]:
    """The resources in a copy, none where it is damaged."""
    try:
        body = json.loads(backend.storage.read(key) or b"")
        latest = body["checkpoint"].get("latest") or {}
        pending = [one["resource"] for one in latest.get("pending_operations") or ()]
        return [*(latest.get("resources") or ()), *pending]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _known(
    backend: Backend, names: Sequence[StackName], found: Sequence[Marked]
) -> dict[str, tuple[StackName, str]]:
    """Stack and URN by mark, from the states first, then from copies, until all are known."""
    wanted = {text for one in found for text in one.marks}
    known: dict[str, tuple[StackName, str]] = {}
    for name in names:
        ids: dict[str, set[str]] = {}
        for key in (backend.checkpoint_key(name), *_copies(backend, name)):
            if wanted <= known.keys():
                return known
            for one in _resources(backend, key):
                ids.setdefault(str(one.get("urn")), set()).add(str(one.get("id") or ""))
            known |= {text: (name, urn) for urn, text in _marks(name, ids) if text in wanted}
    return known


def _marks(name: StackName, ids: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """All marks that creates of these resources can have left, as replacements too."""
    for urn, having in ids.items():
        for replaces in {"", *having}:
            yield urn, mark(resource_key(str(name), urn, replaces=replaces))


def adopt(target: Target, found: Sequence[Orphan]) -> list[Resource]:
    """Take orphans into the state of their stack; `up` then brings them to the program's inputs."""
    stack = stack_for(target)
    with held(stack, exists=False) as one:
        snapshot = one.snapshot
        registry = Registry(
            provider, snapshot.resources, variables=stack.environment, preview=False
        )
        made = [_adopted(orphan, snapshot, registry) for orphan in found]
        resources = [*snapshot.resources, *made]
        one.commit(replace(snapshot, resources=resources), f"orphans: {len(made)} adopted")
        return made


def _adopted(orphan: Orphan, snapshot: Snapshot, registry: Registry) -> Resource:
    thing = orphan.object
    where = Location(urn=orphan.urn or None)
    if not orphan.urn:
        raise HoabanError(
            f"nothing here tells which resource {thing.label} {thing.id} was",
            mend="hoaban import takes it under a name that you give",
        )
    there = snapshot.find(orphan.urn)
    if there is not None:
        raise HoabanError(
            f"the state has {there.id} of it; {thing.id} is one too many",
            where=where,
            mend="hoaban orphans --delete takes it away",
        )
    reference = provider_for(snapshot, thing.project)
    wanted = Resource(
        urn=orphan.urn, type=thing.token, custom=True, provider=reference, id=thing.id
    )
    read = calls.read(registry.get(reference), wanted, fresh=True)
    if read is None:
        raise HoabanError(f"{thing.label} {thing.id} is gone", where=where)
    return replace(read, created=thing.created, provider=reference)


def provider_for(snapshot: Snapshot, project: str) -> str:
    """The reference of the state's provider that works in a project; its only one otherwise."""
    having = [one for one in snapshot.resources if is_provider(one.type) and not one.delete]
    fitting = [one for one in having if project and one.inputs.get("tenantId") == project]
    chosen = fitting or [one for one in having if "tenantId" not in one.inputs] or having
    if not chosen:
        raise HoabanError(
            "the state has no provider yet that could look after it",
            mend="hoaban up makes it; adopt after that",
        )
    return f"{chosen[0].urn}::{chosen[0].id}"


def delete(cloud: OpenStackProvider, found: Sequence[Orphan]) -> Iterator[tuple[Orphan, str]]:
    """Delete orphans, what is in the way of others first; yields each with what went wrong."""
    rank = {token: place for place, token in enumerate(_ORDER)}
    last = {PROJECT: len(_ORDER) + 1}
    order = {**rank, **last}
    for one in sorted(found, key=lambda orphan: order.get(orphan.object.token, len(_ORDER))):
        thing = one.object
        try:
            state = cloud.read(one.urn or thing.id, thing.token, thing.id, None)
            if state is not None:
                told = ResourceState(state.id, state.outputs, state.inputs)
                cloud.delete(one.urn or thing.id, thing.token, thing.id, told, timeout=None)
        except HoabanError as error:
            yield one, error.what
        else:
            yield one, ""


def stack_of(orphan: Orphan) -> StackName:
    """The stack of an orphan that has one."""
    return StackName.parse(orphan.stack)
