"""The province's operators can log in, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.inventory.sshconfig import USER
from hoaban.verify.checks.base import Check, both, judged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.verify.facts import Facts, Person
    from hoaban.verify.model import Finding
    from hoaban.verify.scene import Scene

NO_SHELLS: Final = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false")


class Accounts(Check):
    """Compares accounts and their keys with the inventory's list of operators."""

    id = "accounts"
    title = both("Tài khoản quản trị", "Operators' accounts")
    proves = both(
        "Chỉ các quản trị viên trong danh mục của tỉnh và tài khoản triển khai đăng nhập được, "
        "mỗi người bằng khóa của mình; không tài khoản nào có mật khẩu.",
        "Only the operators of the province's list and the deploy account can log in, each by "
        "their own keys; no account has a password.",
    )
    how = both(
        "Đọc danh sách tài khoản, trạng thái mật khẩu và các khóa mà sshd thực sự dùng cho từng "
        "tài khoản.",
        "Accounts, the state of their passwords, and the keys that sshd really uses for each are "
        "read.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a host."""
        return scene.each(lambda host, facts: [self._judge(scene, host, facts)])

    @staticmethod
    def _judge(scene: Scene, host: ManagedHost, facts: Facts) -> Finding:
        operators = {o.name: o.ssh_keys for o in scene.settings.operators} if scene.settings else {}
        problems = []
        for name, keys in operators.items():
            person = facts.people.get(name)
            if person is None or person.shell in NO_SHELLS:
                problems.append(both(f"{name} không có tài khoản", f"{name} has no account"))
            elif set(person.keys) != {" ".join(key.split()[:2]) for key in keys}:
                problems.append(
                    both(f"khóa của {name} khác danh mục", f"{name}'s keys are not the list's")
                )
        for name, person in sorted(facts.people.items()):
            if person.password:
                problems.append(both(f"{name} có mật khẩu", f"{name} has a password"))
            if name not in {*operators, USER, "root"} and _can_enter(person):
                problems.append(
                    both(f"{name} đăng nhập được mà không có trong danh mục",
                         f"{name} can log in and is not on the list")
                )  # fmt: skip
        able = sorted(n for n, p in facts.people.items() if n != "root" and _can_enter(p))
        measured = both(
            f"đăng nhập được: {', '.join(able) or 'không ai'}",
            f"can log in: {', '.join(able) or 'nobody'}",
        )
        return judged(host.name, problems, measured)


def _can_enter(person: Person) -> bool:
    return person.shell not in NO_SHELLS and bool(person.keys or person.password)
