"""What is to be imported: Pulumi's import file as values, and the resources that it names.

Format and rules are those of ``pulumi import --file`` (pkg/cmd/pulumi/operations/import.go), but
that each fault is told with its place, and that parents which name each other are a fault.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hoaban.engine.embedded.urns import PROVIDER_PREFIX, STACK_TYPE, Urn, make_urn
from hoaban.errors import HoabanError, Location, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PLACEHOLDER: Final = "<PLACEHOLDER>"
"""Stands where a person is to put an id."""

_TOKEN_PARTS: Final = 3
_TABLE: Final = "nameTable"
_RESOURCES: Final = "resources"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSpec:
    """One resource to import, with the fields of an entry of the import file.

    ``name`` is the variable in the generated program, and the resource's name unless
    ``logical_name`` tells another. ``parent`` and ``provider`` are names: of another entry (parents
    only) or of the name table. ``properties`` are the inputs to keep, all when empty. A
    ``component`` has no ``id``: it is made in the state alone; ``remote`` when its class is in its
    package.
    """

    type: str
    name: str = ""
    id: str = ""
    parent: str = ""
    provider: str = ""
    version: str = ""
    logical_name: str = ""
    properties: tuple[str, ...] = ()
    component: bool = False
    remote: bool = False

    def to_json(self) -> dict[str, Any]:
        """The entry as the import file has it."""
        body = {
            "type": self.type,
            "name": self.name,
            "id": self.id,
            "parent": self.parent,
            "provider": self.provider,
            "version": self.version,
            "logicalName": self.logical_name,
            "properties": list(self.properties),
            "component": self.component,
            "remote": self.remote,
        }
        return {key: value for key, value in body.items() if value}


def nowhere(*_: str | int) -> Location:
    """The place of what was typed on a command line."""
    return Location()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What to import, and how. ``names`` are URNs by name (the file's ``nameTable``).

    ``at`` tells where a key of the file stands. With ``preview`` nothing is written. Without
    ``generate_code`` no program is generated that declares the resources.
    """

    resources: Sequence[ImportSpec]
    names: Mapping[str, str]
    protect: bool = True
    generate_code: bool = True
    preview: bool = False
    at: Callable[..., Location] = nowhere

    def to_json(self) -> dict[str, Any]:
        """The import file."""
        resources = [one.to_json() for one in self.resources]
        return {_TABLE: dict(self.names), _RESOURCES: resources}


@dataclass(frozen=True, slots=True)
class Import:
    """A resource to import. ``parent`` and ``provider`` are URNs, empty unless told."""

    spec: ImportSpec
    urn: str
    parent: str
    provider: str
    variable: str
    where: Location


def resolve(request: ImportRequest, stack: str, project: str) -> list[Import]:
    """The resources of a request, each after its parent; raises all that is wrong with it."""
    errors = [*_table_faults(request, stack, project)]
    if not request.resources:
        errors.append(
            HoabanError("nothing to import", where=request.at(_RESOURCES), mend="add a resource")
        )
    for place, spec in enumerate(request.resources):
        errors += _faults(request, place, spec)
    _raise(errors)
    return _Resolver(request, stack, project).run()


def _raise(errors: Sequence[HoabanError]) -> None:
    if errors:
        raise together(errors)


def _table_faults(request: ImportRequest, stack: str, project: str) -> Iterator[HoabanError]:
    for name, text in request.names.items():
        where = request.at(_TABLE, name)
        try:
            urn = Urn.parse(text)
        except ValueError:
            yield HoabanError(
                f"not a URN: {text}",
                where=where,
                mend="copy it from: hoaban stack export AGENCY; it starts with urn:pulumi:",
            )
            continue
        if (urn.stack, urn.project) != (stack, project):
            yield HoabanError(
                f"{text} is of the stack {urn.project}/{urn.stack}, not of {project}/{stack}",
                where=where,
                mend=f"name a resource of {project}/{stack}",
            )


def _faults(request: ImportRequest, place: int, spec: ImportSpec) -> Iterator[HoabanError]:
    """What is wrong with one entry by itself."""

    def fault(key: str, what: str, mend: str) -> HoabanError:
        return HoabanError(what, where=request.at(_RESOURCES, place, key), mend=mend)

    called = spec.name or spec.logical_name or spec.id or f"resource {place + 1}"
    parts = spec.type.split(":")
    if not spec.type:
        yield fault(
            "type", f"{called} has no type", "add one: openstack:networking/network:Network"
        )
    elif len(parts) != _TOKEN_PARTS or not all(parts):
        yield fault(
            "type",
            f"not a type: {spec.type}",
            "write it as package:module:Type, as openstack:networking/network:Network",
        )
    elif spec.type.startswith(PROVIDER_PREFIX) or spec.type == STACK_TYPE:
        yield fault("type", f"{spec.type} stands for no object", "`hoaban up` makes it")
    if not (spec.name or spec.logical_name):
        yield fault("name", f"{called} has no name", "add the name that the program calls it by")
    if spec.component and spec.id:
        yield fault("id", f"{called} is a component, and has an id", "leave out one of the two")
    if not spec.component and spec.id in ("", PLACEHOLDER):
        mend = "put in the id that the cloud knows it by; take out what is not there yet"
        yield fault("id", f"{called} has no id", mend)
    if spec.remote and not spec.component:
        yield fault("remote", f"{called} is remote, and no component", 'add "component": true')


class _Resolver:
    """Finds the URN of each entry, which is made of its parents' types."""

    def __init__(self, request: ImportRequest, stack: str, project: str) -> None:
        self._request = request
        self._stack = stack
        self._project = project
        self._taken = Counter(one.name or one.logical_name for one in request.resources)
        self._places = {
            one.name or one.logical_name: place for place, one in enumerate(request.resources)
        }
        self._done: dict[int, Import] = {}
        self._begun: set[int] = set()
        self._under_way: set[int] = set()
        self._errors: list[HoabanError] = []

    def run(self) -> list[Import]:
        """All of them, parents first."""
        for place in range(len(self._request.resources)):
            self._resolve(place)
        found = list(self._done.values())
        seen = set(self._request.names.values())
        for place, one in self._done.items():
            if one.urn in seen:
                self._fault(
                    place,
                    "name",
                    f"two resources of type {one.spec.type} are called {one.urn.split('::')[-1]!r}",
                    "give one of them another name (or logicalName), or another parent",
                )
            seen.add(one.urn)
        _raise(self._errors)
        return found

    def _fault(self, place: int, key: str, what: str, mend: str) -> None:
        where = self._request.at(_RESOURCES, place, key)
        self._errors.append(HoabanError(what, where=where, mend=mend))

    def _resolve(self, place: int) -> str | None:
        """The URN of one; None where its parent is wrong."""
        if place in self._done:
            return self._done[place].urn
        spec = self._request.resources[place]
        if place in self._under_way:
            self._fault(place, "parent", f"{spec.name} is among its own parents", "name another")
        if place in self._begun:
            return None
        self._begun.add(place)
        self._under_way.add(place)
        parent = self._parent(place, spec) if spec.parent else ""
        self._under_way.discard(place)
        provider = self._provider(place, spec)
        if parent is None:
            return None
        name = spec.logical_name or spec.name
        urn = make_urn(self._stack, self._project, parent, spec.type, name)
        where = self._request.at(_RESOURCES, place)
        self._done[place] = Import(spec, urn, parent, provider, spec.name or name, where)
        return urn

    def _parent(self, place: int, spec: ImportSpec) -> str | None:
        if self._taken[spec.parent] > 1:
            self._fault(
                place,
                "parent",
                f"{self._taken[spec.parent]} resources are called {spec.parent!r}",
                "give them names of their own; logicalName keeps what the program calls them",
            )
            return None
        if spec.parent in self._request.names:
            return self._request.names[spec.parent]
        if spec.parent in self._places:
            return self._resolve(self._places[spec.parent])
        self._missing(place, "parent", spec.parent)
        return None

    def _provider(self, place: int, spec: ImportSpec) -> str:
        if not spec.provider:
            return ""
        urn = self._request.names.get(spec.provider)
        if urn is None:
            self._missing(place, "provider", spec.provider)
            return ""
        if not Urn.parse(urn).type.startswith(PROVIDER_PREFIX):
            self._fault(
                place,
                "provider",
                f"{spec.provider} is no provider: {urn}",
                f"name a resource of type {PROVIDER_PREFIX}{spec.type.partition(':')[0]}",
            )
        return urn

    def _missing(self, place: int, key: str, name: str) -> None:
        self._fault(
            place,
            key,
            f"the {key} {name!r} has no entry in {_TABLE}",
            f'add its URN: "{_TABLE}": {{"{name}": "urn:pulumi:…"}}',
        )
