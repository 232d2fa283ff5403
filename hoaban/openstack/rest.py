"""Resource types that are one collection of a REST API: most of them need nothing else.

A declaration tells the service, the path, the wrapping of one object and of a list, and where the
mark for finding it again goes. What is special about a type is a method it overrides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import PartialFailureError, ProviderError, ResourceState
from hoaban.openstack import errors, keys, seek
from hoaban.openstack.batch import Batcher
from hoaban.openstack.bulk import post_all
from hoaban.openstack.convert import (
    changed_value,
    from_api,
    object_to_api,
    told,
    told_once,
)
from hoaban.openstack.errors import CloudError
from hoaban.openstack.patience import patiently, unless_gone
from hoaban.openstack.resource import META, Resource
from hoaban.openstack.twins import alike, only_twin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class Rest(Resource):
    """A type whose objects live at ``path`` and ``path/id``.

    ``noun`` wraps one object, ``collection`` a list of them (``noun`` + s unless told).
    ``list_filter`` keeps a list to what concerns the project (``{project}`` stands for its id).
    ``tags_after``: tags are put in a call of their own after the create (Neutron). ``tags_in``:
    they go with it. ``all_tags`` tells whether tags of others are ours to take away. ``bulk``: new
    objects made at the same moment go as one list, together with those of the same
    ``bulk_group`` (attributes of the API). ``natural``: inputs by which the cloud allows only one
    such object, so that it can be found without a mark. ``wrapped`` is false where the API takes
    an object as it is, without its noun around it.
    """

    service: str
    path: str
    noun: str
    collection: str = ""
    list_path: str = ""
    list_filter: Mapping[str, str] = field(default_factory=dict)
    microversion: str | None = None
    update_verb: str = "PUT"
    tags_after: bool = False
    tags_path: str = ""
    """Below which tags are put, where that is not ``path``."""
    tags_in: bool = False
    all_tags: bool = False
    bulk: bool = False
    bulk_group: Sequence[str] = ()
    natural: Sequence[str] = ()
    wrapped: bool = True
    by_ids: bool = False
    """Whether a list may be asked for by several ids (Neutron)."""
    elsewhere: bool = False
    """Whether its objects are usually another project's, so that only ids find them."""
    everyone: Mapping[str, str] = field(default_factory=dict)
    """What makes the list of who may see them hold the objects of all projects."""

    def __post_init__(self) -> None:
        self.collection = self.collection or f"{self.noun}s"
        self.list_path = self.list_path or self.path

    # --- making --------------------------------------------------------------------------------

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        """Ask for the object, mark it, wait for it."""
        body = self.new_body(call, inputs)
        if self.tags_in:
            body["tags"] = [*keys.own(inputs.get("tags")), keys.mark(call.key)]
        try:
            made = self.post(call, body)
        except CloudError as error:
            made = self.left_behind(call, inputs, error)
        self.changed(call)
        try:
            made = self.settle(call, made, inputs)
        except ProviderError as error:
            raise self.partly(call, error, made, inputs) from None
        return self.state(call, made, inputs)

    def left_behind(
        self, call: Call, inputs: PropertyMap, error: CloudError, *, refusals: Sequence[int] = ()
    ) -> Json:
        """The object that a failed request made all the same; else the error goes on.

        ``refusals`` are statuses by which the cloud may say that the object is there already.
        """
        if not error.unsure and error.status not in refusals:
            raise error
        try:
            left = self.find_object(call, inputs)
        except ProviderError:  # whoever broke the connection is still away, or a person stops us
            raise error from None
        if left is None:
            raise error
        return left

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        """The object to ask for."""
        body = object_to_api(self.fields, inputs)
        if self.tags_after:
            body.pop("tags", None)
        return {**body, **inputs.get("valueSpecs", {})}

    def post(self, call: Call, body: Json) -> Json:
        """Ask for a new object; returns what the cloud answered."""
        if self.bulk:
            group = (call.region, tuple(str(body.get(name)) for name in self.bulk_group))
            return self._together(call).submit(body, group)
        answer = call.json(self.service, "POST", self.path, self.wrap(body), **self.version)
        return self.unwrap(answer)

    def _together(self, call: Call) -> Batcher[Json, Json]:
        """Gathers objects that are asked for at the same moment."""

        def make() -> Batcher[Json, Json]:
            return Batcher(partial(post_all, call, self))

        return call.shared.keep(("bulk", self.token, call.region), make)

    def settle(self, call: Call, made: Json, inputs: PropertyMap) -> Json:
        """What is still to do after the object is there: tags, waiting."""
        if self.tags_after:
            tags = [*keys.own(inputs.get("tags")), keys.mark(call.key)]
            if not set(tags) <= set(made.get("tags") or []):
                return self.put_tags(call, made, tags)
        return made

    def partly(
        self, call: Call, error: ProviderError, made: Json, inputs: PropertyMap
    ) -> ProviderError:
        """The error of an object that is there but not as asked."""
        return PartialFailureError.of(error, self.state(call, made, inputs))

    # --- finding -------------------------------------------------------------------------------

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        """The object as it is, from a list where there is a fresh one."""
        found = self.look_up(call, id_)
        if found is None:
            return None
        call.changed_at = str(found.get("updated_at") or found.get("updated") or "")
        fresh = self.state(call, found, state.outputs if state else self.asked(found))
        return self.seen(fresh.id, fresh.outputs, state)

    def asked(self, found: Json) -> PropertyMap:
        """What is told only where it was asked for, of an object that no state knows: all of it."""
        asked = {
            spec.name: from_api(spec, found.get(spec.attribute))
            for spec in self.fields
            if spec.managed and spec.attribute
        }
        if self.tags_after or self.tags_in:
            asked["tags"] = keys.own(found.get("tags"))
        return asked

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """What an interrupted create left; what is missing of it is done now."""
        found = self.find_object(call, inputs)
        if found is None:
            return None
        if self.tags_after and keys.mark(call.key) not in (found.get("tags") or []):
            found = self.settle(call, found, inputs)
        return self.state(call, found, inputs)

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        """The object that bears the mark; without marks, the only one that is as asked."""
        if self.tags_after or self.tags_in:
            marked = list(self.listing(call, {"tags": keys.mark(call.key)}))
            if marked or self.tags_in:
                return marked[0] if marked else None
        return only_twin(call, self, inputs)

    @property
    def marked(self) -> bool:
        """Whether its objects bear the mark of their create, and a list tells it."""
        return self.tags_after or self.tags_in

    def marks_of(self, item: Json) -> list[str]:
        """The marks that an object bears."""
        return keys.marks(item.get("tags"))

    def same_object(self, item: Json, inputs: PropertyMap) -> bool:
        """Whether an object of the cloud is what the inputs ask for, as far as both tell."""
        return alike(self.fields, item, inputs)

    def listing(self, call: Call, params: Mapping[str, Any]) -> Sequence[Json]:
        """Objects of the collection that fit the API's filters."""
        pages = call.pages(
            self.service, self.list_path, self.collection, params=dict(params), **self.version
        )
        return [self.unwrap_item(item) for item in pages]

    def look_up(self, call: Call, id_: str) -> Json | None:
        """One object: from a list that others use too, or by itself when it is not in it."""
        return seek.look_up(self, call, id_)

    def index(self, call: Call) -> Mapping[str, Json]:
        """The project's objects by id, from a list that others use too."""
        return seek.index(self, call)

    def get(self, call: Call, id_: str) -> Json | None:
        """One object, asked for by itself."""
        found = call.find(self.service, f"{self.path}/{id_}", **self.version)
        return None if found is None else self.unwrap(found)

    # --- changing ------------------------------------------------------------------------------

    def update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> ResourceState:
        """Change attributes, then tags, then what needs calls of its own."""
        body = self.change_body(call, state, news, changed)
        found = self.put(call, id_, body) if body else None
        self.changed(call)
        if self.tags_after and ("tags" in changed or not changed):
            found = found or self.need(call, id_)
            current = set(found.get("tags") or [])
            wanted = current - set(state.outputs.get("tags") or []) | set(news.get("tags", []))
            if wanted != current:
                found = self.put_tags(call, found, sorted(wanted))
        found = self.after_update(call, id_, state, news, changed) or found
        prior = {**told_once(self.fields, state.outputs), **news}
        return self.state(call, found or self.need(call, id_), prior)

    def change_body(
        self,
        call: Call,
        state: ResourceState,
        news: PropertyMap,
        changed: set[str],
    ) -> Json:
        """The attributes to change."""
        body: Json = {}
        for spec in self.fields:
            attribute = spec.attribute
            if attribute is None or spec.name not in changed or spec.output:
                continue
            if spec.name == "tags" and self.tags_after:
                continue
            body[attribute] = changed_value(spec, news.get(spec.name))
        if self.tags_in and "tags" in body:
            marks = keys.marks(self.need(call, state.id).get("tags"))
            body["tags"] = sorted({*marks, *body["tags"]})
        return body

    def put(self, call: Call, id_: str, body: Json) -> Json:
        """Change attributes of the object; returns it as it is then."""
        path = f"{self.path}/{id_}"
        answer = call.json(self.service, self.update_verb, path, self.wrap(body), **self.version)
        return self.unwrap(answer)

    def after_update(
        self, call: Call, id_: str, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json | None:
        """Changes that need calls of their own; the object as it is then, if it is known."""

    def put_tags(self, call: Call, found: Json, tags: Sequence[str]) -> Json:
        """Make ``tags`` the object's tags."""
        path = f"{self.tags_path or self.path}/{self.id_of(found)}/tags"
        answer = call.json(self.service, "PUT", path, {"tags": sorted(set(tags))})
        return {**found, "tags": answer.get("tags", sorted(set(tags)))}

    def need(self, call: Call, id_: str) -> Json:
        """The object, which must be there."""
        found = self.get(call, id_)
        if found is None:
            raise CloudError(
                f"{self.label} {id_} is gone from the cloud",
                status=errors.NOT_FOUND,
                mend="refresh the state; the next run makes it anew",
            )
        return found

    # --- removing ------------------------------------------------------------------------------

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        """Remove the object; it may be gone already."""
        with unless_gone():
            patiently(call, lambda: self.remove(call, id_, state))
        self.changed(call)

    def remove(self, call: Call, id_: str, state: ResourceState) -> None:
        """Ask for the object's removal, and wait until it is gone."""
        call.request(self.service, "DELETE", f"{self.path}/{id_}", **self.version)

    # --- telling -------------------------------------------------------------------------------

    def state(self, call: Call, found: Json, prior: PropertyMap) -> ResourceState:
        """The object as a state. ``prior`` tells what the cloud does not: what was asked last."""
        outputs = told(self.fields, found, prior)
        if any(spec.name == "region" for spec in self.fields):
            outputs["region"] = call.region_name
        self._tell_tags(found, outputs, prior)
        if self.meta:
            outputs[META] = self.meta
        self.flatten(call, found, outputs, prior)
        return ResourceState(self.id_of(found), outputs)

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        """Outputs that are more than an attribute's value."""

    def id_of(self, found: Json) -> str:
        """The object's id, by which the API knows it."""
        return str(found["id"])

    def full_id(self, found: Json) -> str:
        """The id of the resource."""
        return self.id_of(found)

    def changed(self, call: Call) -> None:
        """Lists of this type are no longer true."""
        call.shared.lists.forget(self.token)

    @property
    def version(self) -> dict[str, str]:
        """The microversion, as an argument of a request."""
        return {"microversion": self.microversion} if self.microversion else {}

    def wrap(self, body: Json) -> Json:
        """A body as the API takes it."""
        return {self.noun: body} if self.wrapped else body

    def unwrap(self, answer: Json) -> Json:
        """One object out of an answer."""
        inner = answer.get(self.noun, answer)
        return inner if isinstance(inner, dict) else answer

    def unwrap_item(self, item: Json) -> Json:
        """One object out of an item of a list."""
        return item

    def _tell_tags(self, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        if not (self.tags_after or self.tags_in):
            return
        tags = keys.own(found.get("tags"))
        outputs.pop("tags", None)
        if any(spec.name == "allTags" for spec in self.fields):
            outputs["allTags"] = tags
        wanted = prior.get("tags") or []
        shown = tags if self.all_tags else [tag for tag in sorted(wanted) if tag in tags]
        if shown or wanted:
            outputs["tags"] = shown
