"""Types and functions as case files tell of them: what the API answers, what is asked of it.

A case of a type (``cases/<service>/<type>.yaml``) has

- ``type``: the token after ``openstack:``;
- ``api``: where its objects are (``path``, ``noun``, ``plural``, ``verb`` of a change), what the
  service adds to what was asked (``answer``, from the API reference's examples), ``key`` (the
  attribute that is the id), whether it has ``tags`` of their own (or where these are put),
  objects that are there before (``given``), ``behaviour`` (a function of ``behaviours`` that
  adds what is special), ``create``: the method of the create, ``wrapped``: false where objects
  have no noun around them, ``ref``: the attribute that is the object's address and all that a
  create answers, ``settles``: an attribute with its values before and after the first look,
  ``begins``: a create's first call makes nothing;
- ``inputs``, what is ``sent`` for them (without the name that was made up, and the mark), some
  ``outputs``, the ``id`` that is told;
- ``updates`` (each a ``change`` of inputs, and the body ``sent`` for it or the special ``calls``),
  ``replaces``: properties with values that need a new object;
- ``refused``: inputs that are refused, and what is said;
- ``unfindable``: no interrupted create can be found again (and why); ``lasting``: deletion leaves
  something to read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hoaban.openstack import keys
from tests.unit.openstack import behaviours
from tests.unit.openstack.fake_cloud import HOST, Collection

if TYPE_CHECKING:
    import re

    from tests.unit.openstack.fake_cloud import FakeCloud, Json, Request

CASES = Path(__file__).parent / "cases"
FUNCTIONS = CASES / "functions"


@dataclass
class Case:
    """One type."""

    type: str
    api: Json
    inputs: Json
    sent: Json | None = None
    outputs: Json = field(default_factory=dict)
    id: str = "{id}"
    updates: list[Json] = field(default_factory=list)
    replaces: Json = field(default_factory=dict)
    refused: list[Json] = field(default_factory=list)
    unfindable: str = ""
    lasting: bool = False


@dataclass
class FunctionCase:
    """One function: ``items`` that there are, ``args`` and part of the ``answer``.

    ``asked`` is what the API is asked to filter by; ``other`` are arguments that nothing fits.
    """

    function: str
    path: str
    answer: Json
    args: Json = field(default_factory=dict)
    plural: str = ""
    items: list[Json] = field(default_factory=list)
    asked: Json = field(default_factory=dict)
    other: Json | None = None
    body: Json | None = None
    also: list[Json] = field(default_factory=list)


@cache
def types() -> dict[str, Case]:
    """All cases of types by token."""
    paths = (path for path in sorted(CASES.glob("*/*.yaml")) if path.parent != FUNCTIONS)
    cases = [Case(**yaml.safe_load(path.read_text(encoding="utf-8"))) for path in paths]
    return {f"openstack:{case.type}": case for case in cases}


@cache
def functions() -> dict[str, FunctionCase]:
    """All cases of functions by token."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(FUNCTIONS.glob("*.yaml"))]
    cases = [FunctionCase(**one) for text in texts for one in yaml.safe_load(text)]
    return {f"openstack:{case.function}": case for case in cases}


class Recorded(Collection):
    """The objects of a case's type in a service in memory."""

    def __init__(self, cloud: FakeCloud, case: Case) -> None:
        api = case.api
        self.answer: Json = api.get("answer", {})
        self.key: str = api.get("key", "id")
        self.wrapped: bool = api.get("wrapped", True)
        self.ref: str = api.get("ref", "")
        self.settles: list[str] = api.get("settles", [])
        before = len(cloud.routes)
        if behaviour := api.get("behaviour"):  # first: the more special path wins
            getattr(behaviours, behaviour)(cloud, self, api["path"])
        path, verb = api["path"], api.get("verb", "PUT")
        one = rf"{path}/(?P<id>[^/]+)"
        cloud.on("GET", one, lambda _, found: self.wrap(self.see_one(found["id"])))
        super().__init__(cloud, path, api["noun"], api.get("plural", ""), verb)
        if tags := api.get("tags"):
            where = tags if isinstance(tags, str) else api["path"]
            cloud.on("PUT", rf"{where}/(?P<id>[^/]+)/tags", self._tag)
        added = cloud.routes[before:]
        cloud.routes[:] = [*added, *cloud.routes[:before]]
        for one in api.get("given", []):
            self.objects[one[self.key]] = dict(one)

    def make(self, body: Json) -> Json:
        if self.key == "id":
            return super().make(body)
        made = self.fill(body)
        self.objects[made[self.key]] = made
        return made

    def fill(self, body: Json) -> Json:
        made = {**self.answer, **body}
        if self.settles:
            made[self.settles[0]] = self.settles[1]
        return made

    def wrap(self, one: Json) -> Json:
        return {self.noun: one} if self.wrapped else one

    def see_one(self, id_: str) -> Json:
        """The object as it is now; at the next look it has settled."""
        one = self.need(id_)
        told = dict(one)
        if self.settles:
            one[self.settles[0]] = self.settles[2]
        return told

    def post(self, asked: Request, found: Any) -> Json:
        if self.wrapped and not self.ref:
            return super().post(asked, found)
        body = asked.body[self.noun] if self.wrapped else asked.body
        made = self.make(body)
        if self.ref:
            made[self.ref] = f"{HOST}{self.path}/{made['id']}"
            return {self.ref: made[self.ref]}
        return self.wrap(made)

    def put(self, asked: Request, found: re.Match[str]) -> Json:
        if self.wrapped:
            return super().put(asked, found)
        one = self.need(found["id"])
        one.update(asked.body)
        return one

    def _tag(self, asked: Request, found: re.Match[str]) -> Json:
        self.need(found["id"])["tags"] = asked.body["tags"]
        return {"tags": asked.body["tags"]}


def bare(body: Any) -> Any:
    """A body without the mark."""
    if isinstance(body, dict) and "tags" in body:
        body = {**body, "tags": keys.own(body["tags"])}
        if not body["tags"]:
            del body["tags"]
    return body
