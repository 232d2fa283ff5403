"""SSH takes keys alone, and never root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.verify.checks.base import Check, both, judged
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.verify.facts import Facts
    from hoaban.verify.scene import Scene

WANTED: Final = {
    "permitrootlogin": "no",
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
    "permitemptypasswords": "no",
    "pubkeyauthentication": "yes",
}


class SshLogin(Check):
    """Reads the effective configuration, and tries the door."""

    id = "ssh"
    title = both("Đăng nhập SSH an toàn", "SSH by key alone")
    proves = both(
        "SSH chỉ nhận khóa, không nhận mật khẩu, không cho root đăng nhập.",
        "SSH takes keys only: no passwords, no root.",
    )
    how = both(
        "Đọc cấu hình hiệu lực (sshd -T); thử đăng nhập root bằng đúng khóa triển khai và xem máy "
        "chủ còn nhận cách nào khác.",
        "The effective configuration is read (sshd -T); a login as root is tried with the deploy "
        "key, and the host asked which other ways it takes.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """Two findings a host: what it is told to do, and what it does."""
        yield from scene.each(lambda host, facts: [self._settings(host, facts)])
        for host in scene.hosts:
            attempt = scene.attempts.get(host.name)
            if attempt is None or not (attempt.entered or attempt.methods):
                words = attempt.words if attempt else ""
                text = both(f"Không thử được: {words}", f"Could not be tried: {words}")
                yield Finding(host=host.name, status=Status.SKIP, evidence=text)
                continue
            offered = ", ".join(attempt.methods)
            problems = []
            if attempt.entered:
                problems.append(both("root vào được bằng khóa", "root gets in with the key"))
            if set(attempt.methods) - {"publickey"}:
                problems.append(both(f"máy chủ nhận {offered}", f"the host takes {offered}"))
            measured = both(
                f"root bị từ chối; chỉ nhận: {offered}",
                f"root is refused; takes only: {offered}",
            )
            yield judged(host.name, problems, measured if not problems else both("đã thử", "tried"))

    @staticmethod
    def _settings(host: ManagedHost, facts: Facts) -> Finding:
        real = dict(line.split(" ", 1) for line in facts.sshd.splitlines() if " " in line)
        problems = [
            both(f"{key} là {real.get(key)}", f"{key} is {real.get(key)}")
            for key, value in WANTED.items()
            if real.get(key) != value
        ]
        words = ", ".join(f"{key} {real.get(key)}" for key in WANTED)
        return judged(host.name, problems, both(f"sshd -T: {words}", f"sshd -T: {words}"))
