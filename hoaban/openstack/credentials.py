"""Keystone: credentials of a user's own making."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import ResourceState
from hoaban.openstack import keys
from hoaban.openstack.cloud import IDENTITY as SERVICE
from hoaban.openstack.nested import Nested
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.resource import Resource
from hoaban.openstack.schema import REGION, boolean, object_set, string_set, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


def _moment(value: Any) -> Any:
    """A time in a form in which Keystone's spelling and RFC 3339's are the same."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(kw_only=True, eq=False)
class _ApplicationCredential(Nested):
    """A credential of the account that is logged in.

    Its secret is told only in the answer to the create.
    """

    service: str = SERVICE
    compound: bool = False

    def owner_of(self, call: Call, props: PropertyMap) -> str:
        return call.cloud.user_id

    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        if inputs.get("roles"):
            body["roles"] = [{"name": name} for name in sorted(inputs["roles"])]
        return body

    def find_object(self, call: Call, inputs: PropertyMap) -> Json | None:
        """One whose secret Keystone made, and told no one, is of no use: it goes."""
        found = super().find_object(call, inputs)
        if found is None or inputs.get("secret"):
            return found
        self.delete(call, self.id_of(found), ResourceState(self.id_of(found), {}))
        return None

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        outputs["roles"] = sorted(role["name"] for role in found.get("roles") or [])
        if found.get("secret"):
            outputs["secret"] = found["secret"]


APPLICATION_CREDENTIAL = _ApplicationCredential(
    token="openstack:identity/applicationCredential:ApplicationCredential",
    label="application credential",
    path="/users/{parent}/application_credentials",
    noun="application_credential",
    parent="userId",
    alone=True,
    natural=("name",),
    fields=(
        object_set(
            "accessRules",
            text("id", output=True),
            text("method", required=True, replaces=True),
            text("path", required=True, replaces=True),
            text("service", required=True, replaces=True),
            replaces=True,
        ),
        text("description", replaces=True),
        text("expiresAt", replaces=True, same=_moment),
        text("name", computed=True, replaces=True),
        string_set("roles", api=None, computed=True, replaces=True),
        text("secret", stored=True, computed=True, replaces=True, secret=True),
        boolean("unrestricted", replaces=True),
        text("projectId", output=True, computed=True),
        REGION,
    ),
)


@dataclass(kw_only=True, eq=False)
class _Ec2Credential(Resource):
    """A pair of keys for the S3 and EC2 APIs; its id is the access key.

    Keystone's own call for such pairs makes both keys up, so that a pair whose answer was lost
    could never be found again. The access key is the engine's key for the create instead, sent to
    the general call for credentials, which yields the same.
    """

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        user = inputs.get("userId") or call.cloud.user_id
        project = inputs.get("projectId") or call.cloud.project_id
        blob = {"access": _access(call), "secret": secrets.token_hex(16)}
        body = {"type": "ec2", "user_id": user, "project_id": project, "blob": json.dumps(blob)}
        call.json(SERVICE, "POST", "/credentials", {"credential": body})
        made = {**blob, "user_id": user, "tenant_id": project}
        return self._state(call, made)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        user = (state.outputs if state else {}).get("userId")
        found = self._get(call, user, id_)
        return None if found is None else self.seen(id_, self._state(call, found).outputs, state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        found = self._get(call, inputs.get("userId"), _access(call))
        return None if found is None else self._state(call, found)

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        with unless_gone():
            call.request(SERVICE, "DELETE", _path(call, state.outputs.get("userId"), id_))

    def _get(self, call: Call, user: Any, access: str) -> Json | None:
        found = call.find(SERVICE, _path(call, user, access))
        return None if found is None else dict(found["credential"])

    def _state(self, call: Call, found: Mapping[str, Any]) -> ResourceState:
        outputs: PropertyMap = {
            "access": found["access"],
            "secret": found["secret"],
            "projectId": found.get("tenant_id") or "",
            "userId": found.get("user_id") or "",
            "trustId": found.get("trust_id") or "",
            "region": call.region_name,
        }
        return ResourceState(found["access"], outputs)


def _access(call: Call) -> str:
    """32 hexadecimal digits, as Keystone's own access keys."""
    return keys.mark(call.key).removeprefix(keys.PREFIX)


def _path(call: Call, user: Any, access: str) -> str:
    return f"/users/{user or call.cloud.user_id}/credentials/OS-EC2/{access}"


EC2_CREDENTIAL = _Ec2Credential(
    token="openstack:identity/ec2CredentialV3:Ec2CredentialV3",
    label="EC2 credential",
    fields=(
        text("projectId", computed=True, replaces=True),
        text("userId", computed=True, replaces=True),
        text("access", output=True, computed=True),
        text("secret", output=True, computed=True, secret=True),
        text("trustId", output=True, computed=True),
        REGION,
    ),
)

RESOURCES: tuple[Resource, ...] = (APPLICATION_CREDENTIAL, EC2_CREDENTIAL)
