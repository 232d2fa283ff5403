"""Objects of the cloud that bear a mark of ours, whoever remembers them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hoaban.openstack import errors
from hoaban.openstack.errors import CloudError
from hoaban.openstack.rest import Rest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.openstack.call import Call
    from hoaban.openstack.resource import Resource

_PARALLEL: Final = 8
_NOT_THERE: Final = (errors.FORBIDDEN, errors.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Marked:
    """An object with the mark of the create that made it. ``created`` as the cloud writes it."""

    token: str
    label: str
    id: str
    name: str
    project: str
    marks: tuple[str, ...]
    created: str


def marked_objects(call: Call, kinds: Iterable[Resource]) -> list[Marked]:
    """All marked objects that these credentials see, of all projects where they may.

    Types whose lists tell no mark (containers, rules, interfaces, attachments …) are left out.
    """
    listed = [kind for kind in kinds if isinstance(kind, Rest) and kind.marked]
    with ThreadPoolExecutor(_PARALLEL, "marked") as pool:
        found = pool.map(lambda kind: _of_kind(call, kind), listed)
        return [one for part in found for one in part]


def _of_kind(call: Call, kind: Rest) -> list[Marked]:
    try:
        items = kind.listing(call, kind.everyone)
    except CloudError as error:
        if error.status not in _NOT_THERE:
            raise
        if error.status == errors.NOT_FOUND or not kind.everyone:
            return []
        items = kind.listing(call, {})  # of this project only: not an administrator
    return [_told(kind, item) for item in items if kind.marks_of(item)]


def _told(kind: Rest, item: dict[str, Any]) -> Marked:
    project = item.get("project_id") or item.get("tenant_id") or item.get("owner")
    project = project or item.get("os-vol-tenant-attr:tenant_id") or ""
    id_ = kind.id_of(item)
    if kind.service == "identity":  # a project is in itself
        project = id_
    created = item.get("created_at") or item.get("created") or ""
    name = str(item.get("name") or "")
    marks = tuple(kind.marks_of(item))
    return Marked(kind.token, kind.label, id_, name, str(project), marks, str(created))
