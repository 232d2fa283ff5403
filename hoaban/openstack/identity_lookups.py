"""Functions of the identity module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack.identity import PROJECT, ROLE, USER
from hoaban.openstack.lookups import ID, Function, Lookup
from hoaban.openstack.schema import REGION, boolean, objects, text

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class _GetAuthScope(Function):
    """Who is logged in, to what, with which services: from the token alone."""

    def run(self, call: Call, args: PropertyMap) -> PropertyMap:
        access = call.cloud.access()
        catalog = access.service_catalog.catalog if access.has_service_catalog() else []
        outputs: PropertyMap = {
            "id": access.user_id,
            "name": args["name"],
            "userId": access.user_id or "",
            "userName": access.username or "",
            "userDomainId": access.user_domain_id or "",
            "userDomainName": access.user_domain_name or "",
            "projectId": access.project_id or "",
            "projectName": access.project_name or "",
            "projectDomainId": access.project_domain_id or "",
            "projectDomainName": access.project_domain_name or "",
            "domainId": access.domain_id or "",
            "domainName": access.domain_name or "",
            "roles": [
                {"roleId": id_, "roleName": name}
                for id_, name in zip(access.role_ids, access.role_names, strict=True)
            ],
            "serviceCatalogs": [_service(item) for item in catalog],
            "tokenId": access.auth_token if args.get("setTokenId") else "",
            "region": call.region_name,
        }
        if "setTokenId" in args:
            outputs["setTokenId"] = args["setTokenId"]
        return outputs


def _service(item: Json) -> PropertyMap:
    return {
        "id": item.get("id") or "",
        "name": item.get("name") or "",
        "type": item.get("type") or "",
        "endpoints": [
            {
                "id": end.get("id") or "",
                "interface": end.get("interface") or "",
                "region": end.get("region") or "",
                "regionId": end.get("region_id") or "",
                "url": end.get("url") or "",
            }
            for end in item.get("endpoints", [])
        ],
    }


GET_AUTH_SCOPE = _GetAuthScope(
    token="openstack:identity/getAuthScope:getAuthScope",
    inputs=(text("name", required=True), boolean("setTokenId"), REGION),
    outputs=(
        ID,
        *(
            text(name)
            for name in (
                "domainId", "domainName", "name", "projectDomainId", "projectDomainName",
                "projectId", "projectName", "userDomainId", "userDomainName", "userId", "userName",
            )
        ),
        objects("roles", text("roleId"), text("roleName")),
        objects(
            "serviceCatalogs",
            text("id"),
            text("name"),
            text("type"),
            objects(
                "endpoints",
                *(text(name) for name in ("id", "interface", "region", "regionId", "url")),
            ),
        ),
        boolean("setTokenId"),
        text("tokenId", secret=True),
        REGION,
    ),
)  # fmt: skip


GET_PROJECT = Lookup(
    token="openstack:identity/getProject:getProject",
    of=PROJECT,
    id_argument="projectId",
    filters=("name", "domainId", "enabled", "isDomain", "parentId"),
    told=(
        "description",
        "domainId",
        "enabled",
        "isDomain",
        "name",
        "parentId",
        text("projectId", api="id"),
        "tags",
    ),
)

GET_ROLE = Lookup(
    token="openstack:identity/getRole:getRole",
    of=ROLE,
    filters=(text("name", required=True), "domainId"),
    told=("domainId", "name"),
)

_FEDERATION = ("idpId", "protocolId", "uniqueId")

GET_USER = Lookup(
    token="openstack:identity/getUser:getUser",
    of=USER,
    filters=(
        "name",
        "domainId",
        "enabled",
        text("passwordExpiresAt"),
        *(text(name) for name in _FEDERATION),
    ),
    told=(
        "defaultProjectId",
        "description",
        "domainId",
        "enabled",
        "name",
        text("passwordExpiresAt"),
        *(text(name, api=None) for name in _FEDERATION),
    ),
)

FUNCTIONS: tuple[Function, ...] = (GET_AUTH_SCOPE, GET_PROJECT, GET_ROLE, GET_USER)
