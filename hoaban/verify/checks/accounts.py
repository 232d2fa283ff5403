"""The province's operators can log in, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.inventory.sshconfig import USER
from hoaban.verify.checks.base import Check, both, judged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.types import Text
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
        "mỗi người bằng khóa của mình, tài khoản triển khai chỉ bằng khóa của bộ công cụ này; "
        "không tài khoản nào, kể cả của hệ thống, có mật khẩu.",
        "Only the operators of the province's list and the deploy account can log in, each by "
        "their own keys, and the deploy account by this toolkit's key alone; no account, not even "
        "one of the system, has a password.",
    )
    how = both(
        "Đọc mọi tài khoản, trạng thái mật khẩu và các khóa mà sshd thực sự dùng cho từng tài "
        "khoản có thể đăng nhập; so với danh mục và với khóa triển khai của bộ công cụ.",
        "All accounts, the state of their passwords, and the keys that sshd really uses for each "
        "that has a shell are read, and compared with the list and with the toolkit's own key.",
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
        problems += _of_deploy_account(scene.deploy_key, facts)
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


def _of_deploy_account(key: str | None, facts: Facts) -> list[Text]:
    """What is wrong with the keys of the account that becomes root."""
    if key is None:
        return [
            both(
                f"không có khóa triển khai để so với khóa của {USER}",
                f"there is no deploy key to compare {USER}'s keys with",
            )
        ]
    person = facts.people.get(USER)
    if person is None:
        return [both(f"{USER} không có tài khoản", f"{USER} has no account")]
    foreign = len(set(person.keys) - {key})
    if foreign:
        return [
            both(
                f"số khóa của {USER} không phải khóa triển khai: {foreign}",
                f"keys of {USER} that are not the deploy key: {foreign}",
            )
        ]
    if not person.keys:
        return [both(f"{USER} không có khóa triển khai", f"{USER} has no deploy key")]
    return []


def _can_enter(person: Person) -> bool:
    return person.shell not in NO_SHELLS and bool(person.keys or person.password)
