"""All rules, a file each, in the order of their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stacks.policy.rules import (
    administration_through_bastion,
    backups_by_level,
    data_protected,
    databases_not_open,
    no_public_servers,
    owner_told,
    ssh_not_open,
    volumes_backed_up,
)

if TYPE_CHECKING:
    from stacks.policy.rule import Rule

RULES: Final[tuple[Rule, ...]] = (
    administration_through_bastion.RULE,
    backups_by_level.RULE,
    data_protected.RULE,
    databases_not_open.RULE,
    no_public_servers.RULE,
    owner_told.RULE,
    ssh_not_open.RULE,
    volumes_backed_up.RULE,
)
