"""Swift keeps what it knows of accounts, containers and objects in headers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from hoaban.openstack import errors
from hoaban.openstack.cloud import OBJECTS as SERVICE
from hoaban.openstack.errors import CloudError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

MARK = "Hoaban-Key"
"""The item of metadata by which a container or object is found again."""


def path_of(name: str) -> str:
    """A container's path, or (``container/object``) an object's."""
    container, _, thing = name.partition("/")
    return "/" + "/".join(quote(one, safe="/") for one in (container, thing) if one)


def canonical(name: str) -> str:
    """A header's name as HTTP libraries write it; case does not count in it (RFC 9110)."""
    return "-".join(part.capitalize() for part in name.replace("_", "-").split("-"))


def metadata(prefix: str, new: PropertyMap, old: PropertyMap) -> dict[str, str]:
    """Headers that make ``new`` of ``old`` metadata; an empty value takes an item away."""
    gone = {canonical(name): "" for name in old}
    wanted = {canonical(name): str(value) for name, value in new.items()}
    return {prefix + name: value for name, value in {**gone, **wanted}.items()}


def told_metadata(
    prefix: str, headers: Mapping[str, str], asked: PropertyMap
) -> dict[str, PropertyMap]:
    """Metadata that was asked for and is there, in the spelling in which it was asked for."""
    there = {
        name[len(prefix) :].lower(): value
        for name, value in headers.items()
        if name.lower().startswith(prefix.lower())
    }
    told = {
        name: there[name.lower().replace("_", "-")]
        for name in asked
        if name.lower().replace("_", "-") in there
    }
    return {"metadata": told} if asked else {}


def all_metadata(prefix: str, headers: Mapping[str, str]) -> PropertyMap:
    """All metadata that is there, as HTTP spells it, but for the mark and keys of signed URLs."""
    hidden = (MARK.lower(), "temp-url-key")
    return {
        name[len(prefix) :]: value
        for name, value in headers.items()
        if name.lower().startswith(prefix.lower())
        and not name[len(prefix) :].lower().startswith(hidden)
    }


def head(call: Call, path: str) -> Mapping[str, str] | None:
    """The headers at ``path``; None when nothing is there."""
    try:
        return call.request(SERVICE, "HEAD", path).headers
    except CloudError as error:
        if error.status == errors.NOT_FOUND:
            return None
        raise
