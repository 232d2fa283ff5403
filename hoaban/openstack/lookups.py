"""Functions that look something up in the cloud: exactly one thing must fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure
from hoaban.engine.values import UNKNOWN
from hoaban.openstack import errors, keys
from hoaban.openstack.check import accept
from hoaban.openstack.errors import CloudError
from hoaban.openstack.schema import Field, has_unknown, is_zero, object_from_api

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


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
    """The one object of a collection that fits the arguments.

    ``filters`` are arguments that the API filters by; others are compared with the outputs.
    ``label`` is what people call it. ``id_argument`` is the argument that is an id.
    """

    label: str
    service: str
    path: str
    collection: str
    noun: str
    filters: Mapping[str, str] = field(default_factory=dict)
    microversion: str | None = None
    id_argument: str = ""
    mend: str = "see what there is in the cloud, and name one thing exactly"

    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        """Answer a call; an error when nothing, or more than one thing, fits."""
        if self.id_argument and args.get(self.id_argument):
            found = self._by_id(call, args[self.id_argument])
            candidates = [] if found is None else [found]
        else:
            candidates = list(self.candidates(call, args))
        fitting = [item for item in candidates if self.fits(call, item, args)]
        chosen = self.choose(fitting, args)
        return self.tell(call, chosen, args)

    def candidates(self, call: Call, args: PropertyMap) -> Iterable[Json]:
        """Objects that fit as far as the API can tell."""
        params = {
            self.filters[name]: _as_parameter(value)
            for name, value in args.items()
            if name in self.filters and not is_zero(value)
        }
        version = {"microversion": self.microversion} if self.microversion else {}
        return call.pages(self.service, self.path, self.collection, params=params, **version)

    def fits(self, call: Call, item: Json, args: PropertyMap) -> bool:
        """Whether an object fits all arguments that are compared here."""
        told = object_from_api(self.outputs, item)
        return all(
            value == told.get(name)
            for name, value in args.items()
            if name not in (*self.filters, self.id_argument, "region", "tags")
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
                f"the cloud has no {self.label} with {asked or 'anything'}",
                status=errors.NOT_FOUND,
                mend=self.mend,
            )
        names = ", ".join(sorted(str(item.get("id")) for item in fitting))
        raise CloudError(
            f"{len(fitting)} {self.label}s fit {asked or 'anything'}, one was expected: {names}",
            mend="say more about the one that is meant (its id settles it)",
        )

    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        """The answer."""
        outputs = object_from_api(self.outputs, item)
        kept = {name: value for name, value in args.items() if name not in outputs}
        outputs = {**kept, **outputs, "id": str(item["id"]), "region": call.region_name}
        if any(spec.name == "allTags" for spec in self.outputs):
            outputs["allTags"] = keys.own(item.get("tags"))
        return outputs

    def _by_id(self, call: Call, id_: str) -> Json | None:
        path = f"{self.path.removesuffix('/detail')}/{id_}"
        version = {"microversion": self.microversion} if self.microversion else {}
        found = call.find(self.service, path, **version)
        return None if found is None else found.get(self.noun, found)


def _as_parameter(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value
