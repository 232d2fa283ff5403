"""Functions that look something up in the cloud: exactly one thing must fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure
from hoaban.engine.values import UNKNOWN
from hoaban.openstack import errors, keys
from hoaban.openstack.check import accept
from hoaban.openstack.convert import object_from_api
from hoaban.openstack.errors import CloudError
from hoaban.openstack.nested import Nested
from hoaban.openstack.schema import (
    REGION,
    Field,
    has_unknown,
    is_zero,
    string_set,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call
    from hoaban.openstack.rest import Rest

Json = dict[str, Any]

ID = text("id", output=True)
TAGS = (string_set("tags", api=None), string_set("allTags", api=None))
"""Tags that were asked for, and all of the object's."""


@dataclass(kw_only=True, eq=False)
class Function(ABC):
    """A function of the package: ``inputs`` and ``outputs`` by their names in Pulumi."""

    token: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]

    @abstractmethod
    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        """Answer a call."""

    def accept(self, args: PropertyMap) -> PropertyMap:
        """Arguments in their kinds; an error tells all that is wrong with them."""
        failures: list[CheckFailure] = []
        known = {spec.name: spec for spec in self.inputs}
        accepted: PropertyMap = {}
        for name, value in args.items():
            if value is None or name.startswith("__"):
                continue
            if name in known:
                accepted[name] = accept(known[name], value, name, failures)
            else:
                failures.append(CheckFailure(name, "there is no such argument"))
        failures += [
            CheckFailure(name, "is required")
            for name, spec in known.items()
            if spec.required and name not in accepted
        ]
        if failures:
            raise CloudError("; ".join(f"{one.property}: {one.reason}" for one in failures))
        return accepted

    def unknown(self, args: PropertyMap) -> PropertyMap:
        """The answer when it cannot be told yet."""
        known = {spec.name for spec in self.inputs}
        told = {name: v for name, v in args.items() if name in known and not has_unknown(v)}
        return {**{spec.name: UNKNOWN for spec in self.outputs}, **told}


@dataclass(kw_only=True, eq=False)
class Lookup(Function):
    """The one object of a resource type ``of`` that fits the arguments.

    Properties are declared here, or named where they are those of the type. ``filters`` are
    arguments that the API filters by; others, ``compared``, are compared with the outputs; the
    argument ``id_argument`` is the object's id. ``told`` are the outputs.
    """

    of: Rest
    filters: Sequence[Field | str] = ()
    compared: Sequence[Field | str] = ()
    told: Sequence[Field | str]
    id_argument: str = ""
    mend: str = "see what there is in the cloud, and name one thing exactly"
    inputs: tuple[Field, ...] = field(init=False)
    outputs: tuple[Field, ...] = field(init=False)
    parameters: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        filters = [self._declared(one) for one in self.filters]
        compared = [self._declared(one) for one in self.compared]
        by_id = [text(self.id_argument)] if self.id_argument else []
        told = [replace(self._declared(one), computed=True) for one in self.told]
        self.inputs = (*filters, *compared, *by_id, REGION)
        self.outputs = (ID, *told, REGION)
        self.parameters = {spec.name: spec.attribute or spec.name for spec in filters}

    def _declared(self, one: Field | str) -> Field:
        if isinstance(one, Field):
            return one
        (spec,) = (spec for spec in self.of.fields if spec.name == one)
        return Field(
            name=one, kind=spec.kind, api=spec.api, element=spec.element, fields=spec.fields
        )

    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        """Answer a call; an error when nothing, or more than one thing, fits."""
        if self.id_argument and args.get(self.id_argument):
            found = self.collection(args).get(call, args[self.id_argument])
            candidates = [] if found is None else [found]
        else:
            candidates = list(self.candidates(call, args))
        fitting = [item for item in candidates if self.fits(call, item, args)]
        chosen = self.choose(fitting, args)
        return self.tell(call, chosen, args)

    def candidates(self, call: Call, args: PropertyMap) -> Iterable[Json]:
        """Objects that fit as far as the API can tell."""
        params = {
            self.parameters[name]: _as_parameter(value)
            for name, value in args.items()
            if name in self.parameters and not is_zero(value)
        }
        return self.collection(args).listing(call, params)

    def collection(self, args: PropertyMap) -> Rest:
        """Where the objects are: of nested ones, under the parent that an argument names."""
        of = self.of
        return of.under(str(args[of.parent])) if isinstance(of, Nested) else of

    def fits(self, call: Call, item: Json, args: PropertyMap) -> bool:
        """Whether an object fits all arguments that are compared here."""
        told = object_from_api(self.outputs, item)
        return all(
            value == told.get(name)
            for name, value in args.items()
            if name not in (*self.parameters, self.id_argument, "region", "tags")
            and name in told
            and not is_zero(value)
        )

    def choose(self, fitting: list[Json], args: PropertyMap) -> Json:
        """The one that fits."""
        if len(fitting) == 1:
            return fitting[0]
        asked = ", ".join(f"{name} {value!r}" for name, value in args.items() if not is_zero(value))
        if not fitting:
            raise CloudError(
                f"the cloud has no {self.of.label} with {asked or 'anything'}",
                status=errors.NOT_FOUND,
                mend=self.mend,
            )
        names = ", ".join(sorted(str(item.get("id")) for item in fitting))
        raise CloudError(
            f"{len(fitting)} {self.of.label}s fit {asked or 'anything'}, one was expected: {names}",
            mend="say more about the one that is meant (its id settles it)",
        )

    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        """The answer."""
        outputs = object_from_api(self.outputs, item)
        kept = {name: value for name, value in args.items() if name not in outputs}
        outputs = {**kept, **outputs, "region": call.region_name}
        outputs["id"] = self.collection(args).full_id(item)
        names = {spec.name for spec in self.outputs}
        if "allTags" in names:  # then tags are those that were asked for
            outputs["allTags"] = keys.own(item.get("tags"))
        elif "tags" in names:
            outputs["tags"] = keys.own(item.get("tags"))
        return outputs


def _as_parameter(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value
