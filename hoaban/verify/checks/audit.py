"""The kernel records who changed what."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from hoaban.verify.checks.base import Check, both, judged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.verify.facts import Facts
    from hoaban.verify.model import Finding
    from hoaban.verify.scene import Scene

IMMUTABLE_LEVEL: Final = 4
"""Security level from which rules are not to be changed while a host runs."""


class Audit(Check):
    """Compares the rules that the kernel has loaded with those that are written."""

    id = "audit"
    title = both("Nhật ký kiểm toán", "Audit records")
    proves = both(
        "Nhân của mỗi máy chủ ghi lại ai đã sửa tài khoản, quyền, SSH, thời gian, mô-đun, và lệnh "
        "nào đã chạy với quyền root, theo đúng bộ quy tắc đã ghi; từ cấp độ "
        f"{IMMUTABLE_LEVEL}, quy tắc không đổi được khi máy đang chạy.",
        "Each host's kernel records who changed accounts, privileges, SSH, time and modules, and "
        "which commands ran as root, by exactly the rules that are written; from level "
        f"{IMMUTABLE_LEVEL}, rules cannot be changed while the host runs.",
    )
    how = both(
        "Hỏi nhân (auditctl -s, auditctl -l), so khóa và số quy tắc với /etc/audit/audit.rules; "
        "trạng thái dịch vụ auditd.",
        "The kernel is asked (auditctl -s, auditctl -l); keys and number of rules are compared "
        "with /etc/audit/audit.rules; state of auditd's service.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a host."""
        return scene.each(lambda host, facts: [self._judge(host, facts)])

    @staticmethod
    def _judge(host: ManagedHost, facts: Facts) -> Finding:
        audit = facts.audit
        problems = []
        words = [audit.unit.get("UnitFileState") or "absent"]
        words.append(audit.unit.get("ActiveState") or "absent")
        if words != ["enabled", "active"]:
            line = f"auditd.service: {', '.join(words)}"
            problems.append(both(line, line))
        if audit.status.status != 0 or audit.rules.status != 0:
            error = (audit.status.err or audit.rules.err).strip().splitlines()[-1:] or ["?"]
            problems.append(
                both(f"nhân không trả lời: {error[0]}", f"the kernel gives no answer: {error[0]}")
            )
            return judged(host.name, problems, both("không có số đo", "nothing was measured"))
        state = dict(re.findall(r"^(\w+) (\d+)$", audit.status.out, re.MULTILINE))
        enabled = state.get("enabled", "0")
        if enabled == "0":
            problems.append(both("nhân không ghi", "the kernel records nothing"))
        if host.environment.security_level >= IMMUTABLE_LEVEL and enabled != "2":
            problems.append(both("quy tắc còn đổi được", "the rules can still be changed"))
        loaded, written = _keys(audit.rules.out), _keys(audit.written)
        if not written:
            problems.append(both("không có quy tắc nào được ghi", "no rules are written"))
        problems += [
            both(
                f"quy tắc {key}: nạp {loaded[key]}, ghi {written[key]}",
                f"rules {key}: {loaded[key]} loaded, {written[key]} written",
            )
            for key in sorted({*loaded, *written})
            if loaded[key] != written[key]
        ]
        lost = state.get("lost", "?")
        measured = both(
            f"{loaded.total()} quy tắc trong nhân, mất {lost} bản ghi",
            f"{loaded.total()} rules in the kernel, {lost} records lost",
        )
        return judged(host.name, problems, measured)


def _keys(rules: str) -> Counter[str]:
    """How many rules have each key; those without one count under an empty one."""
    lines = [line for line in rules.splitlines() if re.match(r"-[aAw] ", line)]
    found = (re.search(r"(?:-F key=|-k )(\S+)", line) for line in lines)
    return Counter(match.group(1) if match else "" for match in found)
