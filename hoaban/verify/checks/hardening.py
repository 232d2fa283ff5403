"""The controls that the security level asks for are kept, or waived."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hoaban.controls.catalogue import catalogue
from hoaban.controls.judge import Fault, faults, questions
from hoaban.controls.model import Control, Family
from hoaban.controls.model import Status as Kept
from hoaban.verify.checks.accounts import Accounts
from hoaban.verify.checks.audit import Audit
from hoaban.verify.checks.base import Check, both, joined
from hoaban.verify.checks.logs import Logs
from hoaban.verify.checks.packet_filter import PacketFilter
from hoaban.verify.checks.ssh_login import SshLogin
from hoaban.verify.checks.time_sync import TimeSync
from hoaban.verify.checks.units import Units
from hoaban.verify.checks.updates import Updates
from hoaban.verify.model import Finding, Status, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from hoaban.controls.waivers import Waiver
    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.types import Text
    from hoaban.verify.scene import Scene

LEANS_ON: Final = (PacketFilter, SshLogin, Accounts, Audit, Logs, TimeSync, Updates, Units)
"""Checks whose verdict on a host is the proof of a control."""


@dataclass(slots=True)
class _Tally:
    """What became of the controls of one family on one host."""

    proved: list[str] = field(default_factory=list)
    aside: int = 0
    """Not applicable, or spared since the host is there for just that."""
    failed: list[Text] = field(default_factory=list)
    unknown: list[Text] = field(default_factory=list)
    waived: list[Text] = field(default_factory=list)


class Hardening(Check):
    """Compares what the hosts are with the control catalogue."""

    id = "hardening"
    title = both("Gia cố an toàn máy chủ", "Hardening")
    proves = both(
        "Mọi kiểm soát an toàn mà cấp độ của cơ quan đòi hỏi đều được thực hiện trên từng máy chủ, "
        "hoặc được miễn trừ có lý do, người chịu trách nhiệm và còn thời hạn.",
        "Each control that the agency's security level asks for is kept on each host, or is waived "
        "with a reason and an owner, for a time that is not over.",
    )
    how = both(
        "Các thiết lập trong danh mục kiểm soát (docs/controls) được đọc từ hệ thống đang chạy: "
        "tham số nhân, sshd -T, mô-đun, PAM, quyền tệp, tùy chọn gắn, gói; và so với danh mục. "
        "Kiểm soát dựa vào một phép kiểm khác chỉ đạt khi phép kiểm đó đạt trên máy chủ.",
        "The settings of the control catalogue (docs/controls) are read from the running system: "
        "kernel parameters, sshd -T, modules, PAM, modes, mount options, packages; and compared. A "
        "control that leans on another check is kept only where that check has passed.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a family of controls and host."""
        others = {check.id: check().report(scene).findings for check in LEANS_ON}
        return scene.each(lambda host, _: self._judge(scene, host, others))

    @staticmethod
    def _judge(
        scene: Scene, host: ManagedHost, others: Mapping[str, Iterable[Finding]]
    ) -> Iterator[Finding]:
        if host.name not in scene.controls:
            unread = both("Không đọc được thiết lập", "The settings could not be read")
            reason = scene.unasked.get(host.name, unread)
            yield Finding(host=host.name, status=Status.SKIP, evidence=reason)
            return
        level = host.environment.security_level
        services = [*map(str, host.plan.services)]
        wrong: dict[str, list[Fault]] = {}
        for fault in faults(level, questions(level, services), scene.controls[host.name]):
            wrong.setdefault(fault.control.id, []).append(fault)
        verdicts = {
            name: worst(one.status for one in findings if one.host == host.name)
            for name, findings in others.items()
        }
        waivers = scene.waivers.of(host.environment.agency, host.name)
        today = scene.today or datetime.now(UTC).date()
        for family in catalogue().families:
            chosen = [control for control in family.controls if control.level <= level]
            tally = _Tally()
            for control in chosen:
                if control.status is Kept.NOT_APPLICABLE or control.spares(services):
                    tally.aside += 1
                elif control.id in waivers:
                    _waive(tally, waivers[control.id], today)
                else:
                    _weigh(tally, control, wrong.get(control.id, []), verdicts)
            if chosen:
                yield _finding(host.name, family, level, tally)


def _waive(tally: _Tally, waiver: Waiver, today: date) -> None:
    if waiver.expired(today):
        tally.failed.append(
            both(
                f"{waiver.control}: miễn trừ đã hết hạn ngày {waiver.expires:%d/%m/%Y} "
                f"({waiver.owner})",
                f"{waiver.control}: its waiver ended on {waiver.expires} ({waiver.owner})",
            )
        )
        return
    tally.waived.append(
        both(
            f"{waiver.control} miễn trừ đến {waiver.expires:%d/%m/%Y}: {waiver.reason.vi} "
            f"({waiver.owner})",
            f"{waiver.control} is waived until {waiver.expires}: {waiver.reason.en} "
            f"({waiver.owner})",
        )
    )


def _weigh(
    tally: _Tally, control: Control, wrong: list[Fault], verdicts: Mapping[str, Status]
) -> None:
    """Add one control: failed before unknown before proved."""
    name = control.id
    if control.status is Kept.OPEN:
        tally.failed.append(both(f"{name}: chưa thực hiện", f"{name}: not done yet"))
        return
    verdict = verdicts[control.check] if control.check else Status.PASS
    known = [fault for fault in wrong if not fault.unread]
    if known:
        words = "; ".join(map(str, known))
        tally.failed.append(both(f"{name}: {words}", f"{name}: {words}"))
    elif verdict is Status.FAIL:
        tally.failed.append(
            both(
                f"{name}: phép kiểm {control.check} không đạt",
                f"{name}: the check {control.check} has failed",
            )
        )
    elif wrong:
        words = "; ".join(f"{one.setting.key}: {(one.found or '')[1:]}" for one in wrong)
        tally.unknown.append(both(f"{name}: không đọc được {words}", f"{name}: unread, {words}"))
    elif verdict is not Status.PASS:
        tally.unknown.append(
            both(
                f"{name}: phép kiểm {control.check} chưa chứng minh được",
                f"{name}: the check {control.check} has not proved it",
            )
        )
    else:
        tally.proved.append(name)


def _finding(host: str, family: Family, level: int, tally: _Tally) -> Finding:
    names = ", ".join(tally.proved) or "0"
    aside_vi = f"; {tally.aside} không áp dụng" if tally.aside else ""
    aside_en = f"; {tally.aside} do not apply" if tally.aside else ""
    measured = both(
        f"{family.title.vi}, cấp độ {level}: {len(tally.proved)} đạt ({names}){aside_vi}",
        f"{family.title.en}, level {level}: {len(tally.proved)} kept ({names}){aside_en}",
    )
    status = Status.FAIL if tally.failed else Status.SKIP if tally.unknown else Status.PASS
    texts = [*tally.failed, *tally.unknown, *tally.waived, measured]
    return Finding(host=host, status=status, evidence=joined(texts))
