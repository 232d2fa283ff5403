"""Names that no operator can have, held against where they come from."""

from __future__ import annotations

import grp
import pwd
import re
from pathlib import Path

import pytest
import yaml

from hoaban.image import guest
from hoaban.model import accounts
from hoaban.model.types import USER_PATTERN

ROOT = Path(__file__).resolve().parents[3]
DEBIAN_OWN = 100
"""Below are the users and groups that the package base-passwd gives every Debian."""


def test_debian_s_own_users_and_groups_are_taken() -> None:
    users = [user.pw_name for user in pwd.getpwall() if user.pw_uid < DEBIAN_OWN]
    groups = [group.gr_name for group in grp.getgrall() if group.gr_gid < DEBIAN_OWN]
    assert {"root", "www-data"} <= set(users)
    free = [name for name in {*users, *groups} if not accounts.is_taken(name)]
    assert [name for name in free if re.fullmatch(USER_PATTERN, name)] == []


def test_the_toolkit_s_own_names_are_taken() -> None:
    defaults = yaml.safe_load((ROOT / "roles/base/defaults/main.yml").read_text("utf-8"))
    assert guest.USER == accounts.DEPLOY
    assert accounts.is_taken(guest.USER)
    assert accounts.is_taken(defaults["base_operators_group"])


@pytest.mark.parametrize("name", ["systemd-resolve", "sshd", "messagebus", "postgres", "nobody"])
def test_services_accounts_are_taken(name: str) -> None:
    assert accounts.is_taken(name)


@pytest.mark.parametrize("name", ["lan", "nguyen-van-an", "systemd", "rooter"])
def test_people_s_names_are_free(name: str) -> None:
    assert not accounts.is_taken(name)
