"""Identity types against Keystone in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack import keys
from tests.cloud.lifecycle import die, live

if TYPE_CHECKING:
    from tests.cloud.lifecycle import Maker
    from tests.unit.openstack.fake_services import World


def test_project(make: Maker, world: World) -> None:
    made = make("identity/project:Project", {"tags": ["a"]}, "project")
    assert keys.mark(made.key) in world.keystone.projects.objects[made.id]["tags"]
    live(
        made,
        updates={"tags": {"tags": ["b"]}, "off": {"enabled": False}},
        replaces={"domainId": "other"},
    )
    assert keys.mark(made.key) in world.keystone.projects.objects[made.id]["tags"]
    world.keystone.projects.objects[made.id]["tags"].append("by-hand")
    made.state = made.read() or made.state
    assert made.changes({"tags": ["b"], "enabled": False}) == {"tags[1]": "delete"}
    die(made, make)


def test_user_and_role(make: Maker) -> None:
    user = make("identity/user:User", {"password": "s3cret-of-a-test"}, "user")
    assert make.provider.secret_outputs(user.token) == {"password"}
    live(
        user,
        updates={
            "options": {"ignorePasswordExpiry": True},
            "rules": {"multiFactorAuthRules": [{"rules": ["password", "totp"]}]},
            "none": {"ignorePasswordExpiry": None},
        },
    )
    role = make("identity/role:Role", {}, "role")
    live(role, updates={"name": {"name": "other"}})
    die(user, make)
    die(role, make)


def test_role_assignment(make: Maker) -> None:
    made = make(
        "identity/roleAssignment:RoleAssignment", {"userId": "u", "projectId": "p", "roleId": "r"}
    )
    assert made.id == "/p//u/r"
    live(made, replaces={"roleId": "other"}, findable=False)
    die(made, make)
