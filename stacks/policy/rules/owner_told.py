"""Every resource that can tells whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.model.types import Text
from stacks.policy.rule import ResourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.rule import Seen

# Where each type has room for it: a list of tags, keys with values, or the end of a description.
PLACES: Final = {
    "openstack:blockstorage/volume:Volume": "metadata",
    "openstack:compute/flavor:Flavor": "description",
    "openstack:compute/instance:Instance": "tags",
    "openstack:identity/project:Project": "tags",
    "openstack:images/image:Image": "tags",
    "openstack:networking/floatingIp:FloatingIp": "tags",
    "openstack:networking/network:Network": "tags",
    "openstack:networking/port:Port": "tags",
    "openstack:networking/router:Router": "tags",
    "openstack:networking/secGroup:SecGroup": "tags",
    "openstack:networking/secGroupRule:SecGroupRule": "description",
    "openstack:networking/subnet:Subnet": "tags",
    "openstack:objectstorage/container:Container": "metadata",
}


def _check(seen: Seen) -> Iterator[str]:
    place = PLACES.get(seen.type)
    if place is None:
        return
    key = "province" if seen.project == "province" else "agency"
    owner = f"{key}:{seen.stack}"
    told = seen.inputs.get(place)
    match place:
        case "tags":
            tells = owner in list(told or ())
        case "metadata":
            pairs = told or {}
            name = "hoaban" if key == "province" else "agency"
            tells = pairs.get(name) == seen.stack
        case _:
            tells = str(told or "").endswith(f"[{owner}]")
    if not tells:
        yield f"{seen.name} does not tell its owner: its {place} lack {owner}"


RULE = ResourceRule(
    id="owner-told",
    title=Text(
        vi="Mọi tài nguyên mang nhãn của cơ quan", en="Every resource carries its agency's tag"
    ),
    reason=Text(
        vi="Đối tượng không nhãn trên đám mây không ai nhận và không ai dám xóa. Nhãn cho biết nó "
        "của cơ quan nào: thẻ, siêu dữ liệu hoặc cuối phần mô tả.",
        en="An object of the cloud without a tag is nobody's, and nobody dares to delete it. The "
        "tag says whose it is: among its tags, in its metadata, or at the end of its description.",
    ),
    mend="take tags, metadata or description of stacks.components.labels.Labels",
    check=_check,
)
