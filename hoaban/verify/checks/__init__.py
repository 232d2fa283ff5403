"""All checks, in the order in which a reader wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.verify.checks.accounts import Accounts
from hoaban.verify.checks.addresses import Addresses
from hoaban.verify.checks.answers import Answers
from hoaban.verify.checks.audit import Audit
from hoaban.verify.checks.backups import Backups
from hoaban.verify.checks.centre import CentreTunnels
from hoaban.verify.checks.flows_inside import FlowsInside
from hoaban.verify.checks.flows_outside import FlowsOutside
from hoaban.verify.checks.hardening import Hardening
from hoaban.verify.checks.logs import Logs
from hoaban.verify.checks.packet_filter import PacketFilter
from hoaban.verify.checks.restores import Restores
from hoaban.verify.checks.ssh_login import SshLogin
from hoaban.verify.checks.time_sync import TimeSync
from hoaban.verify.checks.units import Units
from hoaban.verify.checks.updates import Updates
from hoaban.verify.checks.volumes import Volumes

if TYPE_CHECKING:
    from hoaban.verify.checks.base import Check

CHECKS: Final[tuple[type[Check], ...]] = (
    Answers,
    Addresses,
    FlowsInside,
    FlowsOutside,
    PacketFilter,
    CentreTunnels,
    SshLogin,
    Accounts,
    Hardening,
    Audit,
    Logs,
    TimeSync,
    Volumes,
    Backups,
    Restores,
    Updates,
    Units,
)
