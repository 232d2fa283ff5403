"""Functions that answer with the ids of all things that fit; none is an empty list."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

from hoaban.openstack.lookups import ID, Lookup
from hoaban.openstack.schema import Field, strings, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

SORTING = (
    text("sortKey", api="sort_key"),
    text("sortDirection", api="sort_dir", choices=("asc", "desc")),
)
"""How Neutron sorts a list."""
NAME_REGEX = text("nameRegex", api=None)


@dataclass(kw_only=True, eq=False)
class ListLookup(Lookup):
    """The ids of all objects that fit, in the API's order; ``nameRegex`` is searched in names.

    ``more`` are outputs that are neither arguments nor ids.
    """

    told: Sequence[Field | str] = ()
    more: Sequence[Field] = field(default=())

    def __post_init__(self) -> None:
        super().__post_init__()
        self.outputs = (ID, strings("ids"), *self.inputs, *self.more)

    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        """Answer a call."""
        pattern = args.get("nameRegex")
        ids = [
            self.collection(args).full_id(item)
            for item in self.candidates(call, args)
            if self.fits(call, item, args)
            and (not pattern or re.search(pattern, item.get("name") or ""))
        ]
        digest = str(crc32("".join(ids).encode()))  # as the official provider makes it
        return {**args, "ids": ids, "id": digest, "region": call.region_name}
