"""Functions of the identity module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.openstack import keys
from hoaban.openstack.cloud import IDENTITY as SERVICE
from hoaban.openstack.lookups import Function, Lookup
from hoaban.openstack.schema import (
    REGION,
    boolean,
    objects,
    strings,
    text,
)

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]

_ID = text("id", output=True)


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
        _ID,
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


@dataclass(kw_only=True, eq=False)
class _GetProject(Lookup):
    def tell(self, call: Call, item: Json, args: PropertyMap) -> PropertyMap:
        outputs = super().tell(call, item, args)
        return {**outputs, "projectId": item["id"], "tags": keys.own(item.get("tags"))}


GET_PROJECT = _GetProject(
    token="openstack:identity/getProject:getProject",
    label="project",
    service=SERVICE,
    path="/projects",
    collection="projects",
    noun="project",
    id_argument="projectId",
    filters={
        "name": "name",
        "domainId": "domain_id",
        "enabled": "enabled",
        "isDomain": "is_domain",
        "parentId": "parent_id",
    },
    inputs=(
        text("name"),
        text("domainId"),
        boolean("enabled"),
        boolean("isDomain"),
        text("parentId"),
        text("projectId"),
        REGION,
    ),
    outputs=(
        _ID,
        text("description", computed=True),
        text("domainId", computed=True),
        boolean("enabled", computed=True),
        boolean("isDomain", computed=True),
        text("name", computed=True),
        text("parentId", computed=True),
        text("projectId", api=None),
        strings("tags", api=None),
        REGION,
    ),
)

GET_ROLE = Lookup(
    token="openstack:identity/getRole:getRole",
    label="role",
    service=SERVICE,
    path="/roles",
    collection="roles",
    noun="role",
    filters={"name": "name", "domainId": "domain_id"},
    inputs=(text("name", required=True), text("domainId"), REGION),
    outputs=(_ID, text("domainId", computed=True), text("name", computed=True), REGION),
)

GET_USER = Lookup(
    token="openstack:identity/getUser:getUser",
    label="user",
    service=SERVICE,
    path="/users",
    collection="users",
    noun="user",
    filters={
        "name": "name",
        "domainId": "domain_id",
        "enabled": "enabled",
        "idpId": "idp_id",
        "passwordExpiresAt": "password_expires_at",
        "protocolId": "protocol_id",
        "uniqueId": "unique_id",
    },
    inputs=(
        text("name"),
        text("domainId"),
        boolean("enabled"),
        text("idpId"),
        text("passwordExpiresAt"),
        text("protocolId"),
        text("uniqueId"),
        REGION,
    ),
    outputs=(
        _ID,
        text("defaultProjectId", computed=True),
        text("description", computed=True),
        text("domainId", computed=True),
        boolean("enabled", computed=True),
        text("idpId", api=None),
        text("name", computed=True),
        text("passwordExpiresAt", computed=True),
        text("protocolId", api=None),
        text("uniqueId", api=None),
        REGION,
    ),
)

FUNCTIONS: tuple[Function, ...] = (GET_AUTH_SCOPE, GET_PROJECT, GET_ROLE, GET_USER)
