"""Keystone: projects, users, roles, and who has which role where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hoaban.engine.provider import CheckFailure, ResourceState
from hoaban.openstack.cloud import IDENTITY as SERVICE
from hoaban.openstack.patience import unless_gone
from hoaban.openstack.resource import Resource
from hoaban.openstack.rest import Rest
from hoaban.openstack.schema import (
    REGION,
    boolean,
    mapping,
    objects,
    string_set,
    strings,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.call import Call

Json = dict[str, Any]


@dataclass(kw_only=True, eq=False)
class Keystone(Rest):
    """A type of Keystone."""

    service: str = SERVICE
    update_verb: str = "PATCH"


NAME = text("name", computed=True)
ENABLED = boolean("enabled", default=True)


PROJECT = Keystone(
    token="openstack:identity/project:Project",
    label="project",
    path="/projects",
    noun="project",
    tags_in=True,
    all_tags=True,
    fields=(
        NAME,
        text("description", reset=""),
        ENABLED,
        text("domainId", computed=True, replaces=True),
        text("parentId", computed=True, replaces=True),
        boolean("isDomain", replaces=True),
        string_set("tags"),
        REGION,
    ),
)

ROLE = Keystone(
    token="openstack:identity/role:Role",
    label="role",
    path="/roles",
    noun="role",
    natural=("name", "domainId"),
    fields=(NAME, text("domainId", computed=True), REGION),
)

_OPTIONS = {
    "ignoreChangePasswordUponFirstUse": "ignore_change_password_upon_first_use",
    "ignoreLockoutFailureAttempts": "ignore_lockout_failure_attempts",
    "ignorePasswordExpiry": "ignore_password_expiry",
    "multiFactorAuthEnabled": "multi_factor_auth_enabled",
}
_USER_ATTRIBUTES = frozenset(
    {
        "id", "name", "domain_id", "description", "enabled", "default_project_id", "options",
        "password_expires_at", "links", "federated", "extra",
    }
)  # fmt: skip


@dataclass(kw_only=True, eq=False)
class _User(Keystone):
    def new_body(self, call: Call, inputs: PropertyMap) -> Json:
        body = super().new_body(call, inputs)
        if options := _options(inputs, set(inputs)):
            body["options"] = options
        return {**body, **inputs.get("extra", {})}

    def change_body(
        self, call: Call, state: ResourceState, news: PropertyMap, changed: set[str]
    ) -> Json:
        body = super().change_body(call, state, news, changed)
        if options := _options(news, changed):
            body["options"] = options
        if "extra" in changed:
            gone = dict.fromkeys(state.outputs.get("extra", {}))
            body.update({**gone, **news.get("extra", {})})
        return body

    def flatten(self, call: Call, found: Json, outputs: PropertyMap, prior: PropertyMap) -> None:
        options = found.get("options") or {}
        for name, api in _OPTIONS.items():
            if api in options:
                outputs[name] = bool(options[api])
        if rules := options.get("multi_factor_auth_rules"):
            outputs["multiFactorAuthRules"] = [{"rules": list(rule)} for rule in rules]
        extra = {k: str(v) for k, v in found.items() if k not in _USER_ATTRIBUTES and v is not None}
        if extra:
            outputs["extra"] = extra


def _options(inputs: PropertyMap, names: set[str]) -> Json:
    """The user's options among ``names``; one that is not given is off."""
    options: Json = {
        api: bool(inputs.get(name, False)) for name, api in _OPTIONS.items() if name in names
    }
    if "multiFactorAuthRules" in names:
        rules = [item["rules"] for item in inputs.get("multiFactorAuthRules", [])]
        options["multi_factor_auth_rules"] = rules
    return options


USER = _User(
    token="openstack:identity/user:User",
    label="user",
    path="/users",
    noun="user",
    natural=("name", "domainId"),
    fields=(
        NAME,
        text("description", reset=""),
        text("defaultProjectId", computed=True),
        text("domainId", computed=True),
        ENABLED,
        mapping("extra", api=None),
        *(boolean(name, api=None) for name in _OPTIONS),
        objects("multiFactorAuthRules", strings("rules", required=True), api=None),
        text("password", stored=True, secret=True),
        REGION,
    ),
)


# --- role assignments --------------------------------------------------------------------------

_PARTS = ("domainId", "projectId", "groupId", "userId", "roleId")


@dataclass(kw_only=True, eq=False)
class _RoleAssignment(Resource):
    """A role of a user or group on a project or domain; its id tells all of it.

    The id is ``domain/project/group/user/role``, absent parts empty, as the official provider's.
    ``inherited``: the role is not on it, but on the projects in it.
    """

    inherited: bool = False

    def validate(self, inputs: PropertyMap) -> Sequence[CheckFailure]:
        return [
            CheckFailure(one, f"one of {one} and {other} is required")
            for one, other in (("projectId", "domainId"), ("userId", "groupId"))
            if inputs.get(one) is None and inputs.get(other) is None
        ]

    def create(self, call: Call, inputs: PropertyMap) -> ResourceState:
        call.request(SERVICE, "PUT", self._grant(inputs))
        self._forget(call)
        return self._state(call, inputs)

    def read(self, call: Call, id_: str, state: ResourceState | None) -> ResourceState | None:
        parts = dict(zip(_PARTS, id_.split("/"), strict=True))
        scope = {name: parts[name] for name in ("domainId", "projectId") if parts[name]}
        index = call.shared.lists.get(
            self.token,
            (call.region, *scope.items()),
            lambda: _assignments(call, scope, inherited=self.inherited),
        )
        if id_ not in index:
            return None
        fresh = self._state(call, parts)
        return self.seen(id_, fresh.outputs, state)

    def find(self, call: Call, inputs: PropertyMap) -> ResourceState | None:
        """Nothing to adopt: giving a role again does no harm."""
        return None

    def delete(self, call: Call, id_: str, state: ResourceState) -> None:
        with unless_gone():
            parts = dict(zip(_PARTS, id_.split("/"), strict=True))
            call.request(SERVICE, "DELETE", self._grant(parts))
        self._forget(call)

    def _grant(self, parts: PropertyMap) -> str:
        project, user = parts.get("projectId"), parts.get("userId")
        scope = f"projects/{project}" if project else f"domains/{parts['domainId']}"
        who = f"users/{user}" if user else f"groups/{parts['groupId']}"
        grant = f"/{scope}/{who}/roles/{parts['roleId']}"
        return f"/OS-INHERIT{grant}/inherited_to_projects" if self.inherited else grant

    def _forget(self, call: Call) -> None:
        call.shared.lists.forget(self.token)

    def _state(self, call: Call, parts: PropertyMap) -> ResourceState:
        outputs = {name: parts[name] for name in _PARTS if parts.get(name)}
        outputs["region"] = call.region_name
        return ResourceState("/".join(parts.get(name) or "" for name in _PARTS), outputs)


def _assignments(call: Call, scope: PropertyMap, *, inherited: bool) -> dict[str, Json]:
    """Assignments on a project or domain, by the id that this provider gives them."""
    names = {"domainId": "scope.domain.id", "projectId": "scope.project.id"}
    params = {names[name]: value for name, value in scope.items()}
    found = {}
    for item in call.pages(SERVICE, "/role_assignments", "role_assignments", params=params):
        if ("OS-INHERIT:inherited_to" in item["scope"]) != inherited:
            continue
        parts = {
            "domainId": item["scope"].get("domain", {}).get("id", ""),
            "projectId": item["scope"].get("project", {}).get("id", ""),
            "groupId": item.get("group", {}).get("id", ""),
            "userId": item.get("user", {}).get("id", ""),
            "roleId": item["role"]["id"],
        }
        found["/".join(parts[name] for name in _PARTS)] = item
    return found


_ROLE_FIELDS = (
    text("domainId", replaces=True, conflicts=("projectId",)),
    text("projectId", replaces=True),
    text("groupId", replaces=True, conflicts=("userId",)),
    text("userId", replaces=True),
    text("roleId", required=True, replaces=True),
    REGION,
)

ROLE_ASSIGNMENT = _RoleAssignment(
    token="openstack:identity/roleAssignment:RoleAssignment",
    label="role assignment",
    alone=True,
    fields=_ROLE_FIELDS,
)

INHERIT_ROLE_ASSIGNMENT = _RoleAssignment(
    token="openstack:identity/inheritRoleAssignment:InheritRoleAssignment",
    label="inherited role assignment",
    alone=True,
    inherited=True,
    fields=_ROLE_FIELDS,
)

RESOURCES: tuple[Resource, ...] = (
    PROJECT,
    ROLE,
    USER,
    ROLE_ASSIGNMENT,
    INHERIT_ROLE_ASSIGNMENT,
)
