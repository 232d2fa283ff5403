"""Import: what is to be adopted is read from a file, and brought under a target's stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from hoaban.engine.api import Options
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.imports import ImportRequest, ImportSpec, resolve
from hoaban.errors import HoabanError, Location
from hoaban.model.document import Document, parse_document
from hoaban.model.problems import raise_all
from hoaban.provision.named import exists
from hoaban.provision.preflight import reach
from hoaban.provision.stacks import stack_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hoaban.engine.api import Engine, EventHandler, UpdateResult
    from hoaban.provision.target import Target

_TOP: Final[dict[str, type]] = {"nameTable": dict, "resources": list}
_KEYS: Final[dict[str, type]] = {
    "type": str,
    "name": str,
    "id": str,
    "parent": str,
    "provider": str,
    "version": str,
    "logicalName": str,
    "properties": list,
    "component": bool,
    "remote": bool,
}
_WORDS: Final[dict[type, str]] = {
    str: "a text",
    list: "a list",
    bool: "true or false",
    dict: "an object",
}
_MEND: Final = "the format is that of `pulumi import --file`; docs/engine.md#import shows it"


def read_request(file: Path) -> ImportRequest:
    """An import file; raises all that is not as the format has it, with line and key."""
    text = _read(file)
    name = str(file)
    try:
        body = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        what = getattr(error, "msg", str(error))
        raise HoabanError(
            f"not valid JSON: {what}",
            where=Location(file=name, line=line),
            mend="look at this line and the one above it: a comma, a quote, a bracket",
        ) from error
    if not isinstance(body, dict):
        raise HoabanError(
            "the file must hold an object", where=Location(file=name, line=1), mend=_MEND
        )
    # JSON is YAML, but for tabs; its reader knows the lines, and keys that are there twice.
    document = parse_document(text.replace("\t", " ").encode(), name)
    raise_all([*_faults(document, body)])
    return ImportRequest(
        resources=[_spec(one) for one in body.get("resources") or ()],
        names=body.get("nameTable") or {},
        at=document.at,
    )


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise HoabanError(
            f"the file can't be read: {error.strerror}",
            where=Location(file=str(file)),
            mend="name a file that you may read",
        ) from error
    except UnicodeDecodeError as error:
        raise HoabanError(
            "the file is not UTF-8 text", where=Location(file=str(file)), mend="save it as UTF-8"
        ) from error


def _faults(document: Document, body: dict[str, Any]) -> Iterator[HoabanError]:
    for key, value in body.items():
        if key not in _TOP:
            yield HoabanError(f"there is no key {key}", where=document.at(key), mend=_MEND)
        elif not _is(value, _TOP[key]):
            word = _WORDS[_TOP[key]]
            yield HoabanError(f"{key} must be {word}", where=document.at(key), mend=_MEND)
        elif key == "nameTable":
            for name, urn in value.items():
                if not isinstance(urn, str):
                    where = document.at(key, name)
                    yield HoabanError(f"the URN of {name} must be a text", where=where, mend=_MEND)
        else:
            for place, one in enumerate(value):
                yield from _resource_faults(document, place, one)


def _resource_faults(document: Document, place: int, one: Any) -> Iterator[HoabanError]:
    if not isinstance(one, dict):
        where = document.at("resources", place)
        yield HoabanError("a resource must be an object", where=where, mend=_MEND)
        return
    for key, value in one.items():
        where = document.at("resources", place, key)
        if key == "pluginDownloadUrl":
            mend = "put the plugin on the path, or use the pulumi command"
            yield HoabanError(f"{key} is not supported", where=where, mend=mend)
        elif key not in _KEYS:
            yield HoabanError(f"there is no key {key}", where=where, mend=_MEND)
        elif not _fits(value, _KEYS[key]):
            yield HoabanError(f"{key} must be {_WORDS[_KEYS[key]]}", where=where, mend=_MEND)


def _is(value: Any, kind: type) -> bool:
    return type(value) is kind


def _fits(value: Any, kind: type) -> bool:
    if isinstance(value, list):
        return kind is list and all(isinstance(one, str) for one in value)
    return _is(value, kind)


def _spec(one: dict[str, Any]) -> ImportSpec:
    more = {key: value for key, value in one.items() if key not in ("logicalName", "properties")}
    return ImportSpec(
        **{"type": "", **more},
        logical_name=one.get("logicalName", ""),
        properties=tuple(one.get("properties", ())),
    )


def import_resources(
    target: Target, engine: Engine, request: ImportRequest, on_event: EventHandler
) -> UpdateResult:
    """Bring what a request names under the target's stack, which must be there."""
    name = StackName(target.project, target.stack_name)
    resolve(request, name.stack, name.project)  # what is typed wrong needs no cloud to be told
    if not exists(Backend(target.workspace.backend), name):
        raise HoabanError(
            f"{target.name} has no stack yet",
            mend=f"{name.command('up')} makes it, or without its objects: "
            f"{name.command('stack init')}",
        )
    stack = stack_for(target)
    reach(stack)
    return engine.import_resources(stack, request, Options(), on_event)
