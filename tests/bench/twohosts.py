"""A host with files and its backup host: what is done on them, each timed on the first of them.

Nothing that is measured finds files in memory: caches of both are emptied before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.remote import Remote

Result = TypeVar("Result")
FILES: Final = "/srv/files/set"
RESTORED: Final = "/srv/files/restored"
COPY: Final = "/srv/backup/copy"
OURS: Final = "/run/bench"
STORE: Final = "restic-rest-server.service"
PATIENCE: Final = 900
SSHD: Final = f"""
Port 8000
HostKey {OURS}/host
AuthorizedKeysFile {OURS}/account.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM yes
PidFile none
"""
KEPT: Final = "^(ciphers|macs|kexalgorithms) "
"""What the hosts' own sshd is told to encrypt with, and this one too."""


@dataclass(frozen=True, slots=True)
class TwoHosts:
    """Both of them, by name, and the backup host's address for the other one."""

    remote: Remote
    client: str
    keeper: str
    address: str

    def on(self, host: str, script: str) -> str:
        """Output of a script of root's on a host."""
        command = ["sudo", "bash", "-euo", "pipefail", "-s"]
        done = self.remote.run(host, command, stdin=script, timeout=PATIENCE)
        if not done.ok:
            raise HoabanError(
                f"a script failed on {host} with status {done.status}: {script.strip()[:60]}",
                mend="its last words are below",
                detail=(done.stderr or done.stdout).strip()[-2000:],
            )
        return done.stdout

    def prepare(self) -> None:
        """Let root of the client log in to the backup host, where sshd is on the store's port."""
        folder = f"mkdir -m 700 {OURS}; cd {OURS}; ssh-keygen -q -t ed25519 -N '' -f"
        public = self.on(self.client, f"{folder} account; cat account.pub").strip()
        config = f"{{ sshd -T | grep -E '{KEPT}'; cat; }} > {OURS}/sshd <<'END'\n{SSHD}\nEND"
        put = f"echo '{public}' > {OURS}/account.pub\n{config}\ncat {OURS}/host.pub"
        host = " ".join(self.on(self.keeper, f"{folder} host\n{put}").split()[:2])
        known = f"echo '[{self.address}]:8000 {host}' > {OURS}/known"
        self.on(self.client, known)
        for name in (self.client, self.keeper):
            self.on(name, "systemctl stop '*.timer'")
        program = Path(__file__).with_name("dataset.py").read_text(encoding="utf-8")
        self.on(self.client, f"cat > {OURS}/dataset.py <<'END'\n{program}\nEND")

    def make_files(self, seed: int, count: int, size: int) -> None:
        """Replace the files by new ones."""
        self.on(
            self.client,
            f"rm -rf {FILES}\n"
            f"python3 {OURS}/dataset.py {FILES} --seed {seed} --files {count} --bytes {size}",
        )

    def change_files(self, seed: int, share: float) -> tuple[int, int]:
        """Write some anew; how many files, and how many bytes."""
        command = f"python3 {OURS}/dataset.py {FILES} --seed {1000 + seed} --change {share}"
        files, size = self.on(self.client, command).split()
        return int(files), int(size)

    def back_up(self) -> float:
        """Seconds of a backup by the product's own unit, with all that it does before and after."""
        return self._timed("systemctl start hoaban-backup.service")

    def restore(self) -> float:
        """Seconds of a restore of the newest snapshot's files to an empty folder."""
        self._empty(RESTORED)
        return self._timed(
            f"hoaban-backup restore --to {RESTORED}/all --path {FILES}",
            f"mv {RESTORED}/all{FILES}/* {RESTORED}/ && rm -r {RESTORED}/all",
        )

    def send(self) -> float:
        """Seconds of ``tar | ssh`` to an empty folder of the backup host's volume."""
        return self._by_ssh(
            f"rm -rf {COPY}; mkdir {COPY}",
            f"tar -C {FILES} -cf - . | {self.ssh} tar -C {COPY} -xf -",
        )

    def fetch(self) -> float:
        """Seconds of the same the other way."""
        self._empty(RESTORED)
        return self._by_ssh("true", f"{self.ssh} tar -C {COPY} -cf - . | tar -C {RESTORED} -xf -")

    def check_equal(self) -> None:
        """An error unless what was restored is the files, byte by byte; then it is removed."""
        self.on(self.client, f"diff -rq {FILES} {RESTORED} && rm -rf {RESTORED}")

    def last(self) -> dict[str, Any]:
        """What the client says of its last backup."""
        state: dict[str, Any] = json.loads(self.on(self.client, "hoaban-backup status"))
        return state

    def cipher(self) -> str:
        """By what ``tar | ssh`` is encrypted."""
        script = (
            f"{self.ssh} -v true 2>&1 </dev/null | grep -oP 'kex: client->server cipher: \\K\\S+'"
        )
        return self._on_store_port(lambda: self.on(self.client, script).strip())

    @property
    def ssh(self) -> str:
        """The command that reaches the backup host."""
        options = f"-i {OURS}/account -o UserKnownHostsFile={OURS}/known -o BatchMode=yes"
        return f"ssh -p 8000 {options} root@{self.address}"

    def _by_ssh(self, before: str, work: str) -> float:
        self.on(self.keeper, before)
        return self._on_store_port(lambda: self._timed(work))

    def _on_store_port(self, work: Callable[[], Result]) -> Result:
        self.on(
            self.keeper,
            f"systemctl stop {STORE}\n"
            f"systemd-run --quiet --collect --unit=bench-sshd /usr/sbin/sshd -D -f {OURS}/sshd",
        )
        try:
            return work()
        finally:
            self.on(self.keeper, f"systemctl stop bench-sshd\nsystemctl start {STORE}")

    def _empty(self, folder: str) -> None:
        self.on(self.client, f"rm -rf {folder}; mkdir {folder}")

    def _timed(self, work: str, after: str = "true") -> float:
        forget = "sync; echo 3 > /proc/sys/vm/drop_caches"
        self.on(self.keeper, forget)
        told = self.on(
            self.client,
            f"{forget}\nbegun=$(date +%s%N)\n{{ {work}; }} </dev/null >/dev/null\n"
            f"ended=$(date +%s%N)\n{after}\necho $((ended - begun))",
        )
        return int(told) / 1e9
