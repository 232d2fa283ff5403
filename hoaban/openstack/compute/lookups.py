"""Functions of the compute module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack import errors
from hoaban.openstack.cloud import COMPUTE as SERVICE
from hoaban.openstack.compute import host_lookups, networks
from hoaban.openstack.compute.flavors import FLAVOR, flavors
from hoaban.openstack.compute.keypairs import KEYPAIR
from hoaban.openstack.compute.servers import INSTANCE
from hoaban.openstack.errors import CloudError
from hoaban.openstack.lookups import ID, Function, Lookup
from hoaban.openstack.schema import REGION, integer, mapping, objects, strings, text
from hoaban.openstack.zones import zones_lookup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_PROPERTIES = ("description", "disk", "isPublic", "name", "ram", "rxTxFactor", "swap", "vcpus")
_LEAST = (integer("minDisk", api=None), integer("minRam", api=None))


@dataclass(kw_only=True, eq=False)
class _GetFlavor(Lookup):
    def candidates(self, call: Call, args: PropertyMap) -> Iterable[Json]:
        if args.get("isPublic") is False:
            return FLAVOR.listing(call, {"is_public": "none"})
        return flavors(call).values()

    def fits(self, call: Call, item: Json, args: PropertyMap) -> bool:
        if item["ram"] < args.get("minRam", 0) or item["disk"] < args.get("minDisk", 0):
            return False
        return super().fits(call, item, args)


GET_FLAVOR = _GetFlavor(
    token="openstack:compute/getFlavor:getFlavor",
    of=FLAVOR,
    id_argument="flavorId",
    mend="name a flavor that the cloud has, or make it (the province's stack makes its sizes)",
    compared=(*_PROPERTIES, *_LEAST),
    told=(*_PROPERTIES, mapping("extraSpecs"), "flavorId", *_LEAST),
)


GET_AVAILABILITY_ZONES = zones_lookup(
    "openstack:compute/getAvailabilityZones:getAvailabilityZones", SERVICE
)


@dataclass(kw_only=True, eq=False)
class _GetKeypair(Function):
    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        user = args.get("userId")
        found = KEYPAIR.get(call, f"{user}:{args['name']}" if user else args["name"])
        if found is None:
            raise CloudError(
                f"the cloud has no key pair {args['name']!r}",
                status=errors.NOT_FOUND,
                mend="key pairs belong to a user: see that it is this account's, or make it",
            )
        return {
            "id": found["name"],
            "name": found["name"],
            "publicKey": found["public_key"],
            "fingerprint": found["fingerprint"],
            "userId": found["user_id"],
            "region": call.region_name,
        }


GET_KEYPAIR = _GetKeypair(
    token="openstack:compute/getKeypair:getKeypair",
    inputs=(text("name", required=True), text("userId"), REGION),
    outputs=(ID, text("name"), text("publicKey"), text("fingerprint"), text("userId"), REGION),
)

_CARD = (
    text("uuid"),
    text("name"),
    text("port"),
    text("mac"),
    text("fixedIpV4"),
    text("fixedIpV6"),
)


@dataclass(kw_only=True, eq=False)
class _GetInstance(Function):
    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        found = INSTANCE.get(call, args["id"])
        if found is None:
            raise CloudError(
                f"the cloud has no server {args['id']}",
                status=errors.NOT_FOUND,
                mend="give the id of a server of this project",
            )
        outputs = INSTANCE.state(call, found, {}).outputs
        cards = networks.told(call, found, [])
        names = {spec.name for spec in _CARD}
        told = {spec.name: outputs[spec.name] for spec in self.outputs if spec.name in outputs}
        return {
            **told,
            "id": args["id"],
            "metadata": outputs["allMetadata"],
            "tags": outputs["allTags"],
            "networks": [{k: v for k, v in card.items() if k in names} for card in cards],
        }


GET_INSTANCE = _GetInstance(
    token="openstack:compute/getInstanceV2:getInstanceV2",
    inputs=(text("id", required=True), objects("networks", *_CARD), text("userData"), REGION),
    outputs=(
        ID,
        *(
            text(name)
            for name in (
                "accessIpV4", "accessIpV6", "availabilityZone", "created", "flavorId",
                "flavorName", "imageId", "imageName", "keyPair", "name", "powerState",
                "updated", "userData",
            )
        ),
        mapping("metadata"),
        objects("networks", *_CARD),
        strings("securityGroups"),
        strings("tags"),
        REGION,
    ),
)  # fmt: skip

FUNCTIONS: tuple[Function, ...] = (
    GET_FLAVOR,
    GET_AVAILABILITY_ZONES,
    GET_KEYPAIR,
    GET_INSTANCE,
    *host_lookups.FUNCTIONS,
)
