"""Quotas of a project, in each service that has them, and the functions that tell them.

They are not made or deleted: setting them is what a create does, and taking the resource away
leaves them as they are (so does the official provider, and a project goes with its quotas).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import ResourceState
from hoaban.openstack.convert import object_from_api
from hoaban.openstack.lookups import ID, Function
from hoaban.openstack.resource import Resource
from hoaban.openstack.schema import REGION, Field, integer, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

PROJECT = text("projectId", api=None, required=True, replaces=True)


@dataclass(kw_only=True, eq=False)
class Quota(Resource):
    """Quotas at ``path/<project id>``, wrapped in ``noun``.

    ``extra`` is a property with quotas by the API's own names (those of volume types). ``wrapped``
    is false where the API takes quotas without the noun around them, ``verb`` is what sets them.
    ``headers`` are sent with each request.
    """

    service: str
    path: str
    noun: str
    extra: str | None = None
    wrapped: bool = True
    verb: str = "PUT"
    headers: Mapping[str, str] = field(default_factory=dict)

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        """Set the quotas that are given."""
        return self._set(call, inputs["projectId"], inputs, inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        """The quotas as they are; there always are some."""
        project = id_.partition("/")[0]
        fresh = self._state(call, project, self.held(call, project), state.outputs if state else {})
        return self.seen(id_, fresh.outputs, state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """Nothing to adopt: setting quotas again does no harm."""
        return None

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        """Set those that changed."""
        asked = {name: news[name] for name in changed if name in news}
        fresh = self._set(call, id_.partition("/")[0], asked or news, news)
        return ResourceState(id_, fresh.outputs)

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        """Quotas stay as they are."""

    def _set(
        self, call: Call, project: str, asked: PropertyMap, inputs: PropertyMap
    ) -> ResourceState:
        body: Json = {
            spec.attribute: asked[spec.name]
            for spec in self.fields
            if spec.attribute is not None and spec.name in asked
        }
        if self.extra:
            body.update({name: int(value) for name, value in asked.get(self.extra, {}).items()})
        found = self._ask(call, self.verb, project, {self.noun: body} if self.wrapped else body)
        if not all(spec.attribute in found for spec in self.fields if spec.attribute):
            found = self.held(call, project)
        return self._state(call, project, found, inputs)

    def held(self, call: Call, project: str) -> Json:
        """The project's quotas as the API tells them."""
        return self._ask(call, "GET", project)

    def _ask(self, call: Call, method: str, project: str, body: Json | None = None) -> Json:
        path = f"{self.path}/{project}"
        how = {"headers": dict(self.headers)} if self.headers else {}
        answer = call.json(self.service, method, path, body, **how)
        return answer[self.noun] if self.wrapped else answer

    def _state(self, call: Call, project: str, found: Json, prior: PropertyMap) -> ResourceState:
        outputs: PropertyMap = {"projectId": project, "region": call.region_name}
        for spec in self.fields:
            value = found.get(spec.attribute or "")
            if value is not None and spec.name not in outputs:
                outputs[spec.name] = int(value)
        if self.extra and prior.get(self.extra):
            told = {name: str(found[name]) for name in prior[self.extra] if name in found}
            outputs[self.extra] = told
        return ResourceState(f"{project}/{call.region_name}", outputs)


def limits(*names: str | tuple[str, str]) -> tuple[Field, ...]:
    """Numbers that the service has values of its own for: names, or pairs with the API's name."""
    pairs = [(name, None) if isinstance(name, str) else name for name in names]
    return (
        *(
            integer(name, computed=True, **({} if api is None else {"api": api}))
            for name, api in pairs
        ),
        PROJECT,
        REGION,
    )


@dataclass(kw_only=True, eq=False)
class _QuotaLookup(Function):
    """A project's quotas as they are."""

    of: Quota

    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        """Answer a call."""
        of, project = self.of, args["projectId"]
        found = of.held(call, project)
        outputs = object_from_api(of.fields, found)
        if of.extra:
            known = {spec.attribute for spec in of.fields}
            outputs[of.extra] = {
                name: str(value)
                for name, value in found.items()
                if name not in known and isinstance(value, int)
            }
        region = call.region_name
        return {**outputs, "projectId": project, "region": region, "id": f"{project}/{region}"}


def lookup(token: str, of: Quota) -> Function:
    """The function that tells a project's quotas."""
    inputs = (PROJECT, REGION)
    return _QuotaLookup(token=token, of=of, inputs=inputs, outputs=(ID, *of.fields))
