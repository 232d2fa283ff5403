"""The OpenAPI documents of interfaces: each is there, valid, and of the version that is offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from hoaban.errors import HoabanError, Location
from hoaban.model.document import dotted
from hoaban.model.faults import fault
from hoaban.model.interface_checks import parties_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hoaban.model.document import KeyPath
    from hoaban.model.exchange import Interface
    from hoaban.model.files import Files
    from hoaban.model.interface_checks import Party


def check_documents(inventory: Path, files: Files) -> Iterator[HoabanError]:
    """Faults of all documents that are named, each with file, line, key and mend."""
    for party in parties_of(files).values():
        for position, offer in enumerate(party.interfaces.offers):
            key = (*party.path, "offers", position, "document")
            yield from _document(inventory, party, key, offer)


def _document(
    inventory: Path, party: Party, key: KeyPath, offer: Interface
) -> Iterator[HoabanError]:
    path = inventory / offer.document
    name = f"{inventory.name}/{offer.document}"
    try:
        loader = _TextDates(path.read_text(encoding="utf-8"))
        root = loader.get_single_node()
        data = loader.construct_document(root) if isinstance(root, yaml.MappingNode) else {}
    except OSError as error:
        what = f"the OpenAPI document {name} can't be read: {error.strerror}"
        yield fault(party.document, key, what, "put it there, or mend the path")
        return
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        problem = getattr(error, "problem", None) or str(error)
        yield HoabanError(
            f"the OpenAPI document is no YAML: {problem}",
            where=Location(file=name, line=None if line is None else line + 1),
            mend="mend the line; an editor that knows OpenAPI shows more",
        )
        return
    if not isinstance(root, yaml.MappingNode):
        yield HoabanError(
            "the OpenAPI document is empty, or a list",
            where=Location(file=name, line=1),
            mend="begin it with `openapi: 3.1.0`",
        )
        return
    yield from _faults_of(name, root, data)
    version = str((data.get("info") or {}).get("version", ""))
    if version and f"v{version}".split(".")[0] != offer.version.split(".")[0]:
        yield HoabanError(
            f"the document is of version {version}, and {party.file} offers it as {offer.version}",
            where=_place(name, root, ("info", "version")),
            mend="offer each version with a document of its own; both begin with the same number",
        )


class _TextDates(yaml.CSafeLoader):
    """Loads plain data, as JSON has them: a date stays a text."""


_TextDates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _faults_of(name: str, root: yaml.MappingNode, data: dict[str, Any]) -> Iterator[HoabanError]:
    # Only here: who checks no interface does not wait for JSON Schema to be loaded.
    from openapi_spec_validator import (  # noqa: PLC0415
        OpenAPIV30SpecValidator,
        OpenAPIV31SpecValidator,
    )

    kinds = {"3.0": OpenAPIV30SpecValidator, "3.1": OpenAPIV31SpecValidator}
    asked = str(data.get("openapi", ""))
    kind = kinds.get(".".join(asked.split(".")[:2]))
    if kind is None:
        yield HoabanError(
            f"the document is of OpenAPI {asked}"
            if asked
            else "no OpenAPI document: no `openapi:`",
            where=_place(name, root, ("openapi",)),
            mend="write it in OpenAPI 3.0 or 3.1",
        )
        return
    for error in kind(data).iter_errors():
        path = tuple(getattr(error, "absolute_path", ()))
        yield HoabanError(
            f"not as OpenAPI wants it: {error.message if hasattr(error, 'message') else error}",
            where=_place(name, root, path),
            mend="mend it there; https://spec.openapis.org has the specification",
        )


def _place(name: str, root: yaml.Node, path: KeyPath) -> Location:
    """Where a part of a document is: the deepest of it that is there."""
    node, line = root, root.start_mark.line
    for part in path:
        following = None
        if isinstance(node, yaml.MappingNode):
            pairs = {str(key.value): (key, value) for key, value in node.value}
            if str(part) in pairs:
                key, following = pairs[str(part)]
                line = key.start_mark.line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            following = node.value[part]
            line = following.start_mark.line
        if following is None:
            break
        node = following
    return Location(file=name, line=line + 1, key=dotted(path) or None)
