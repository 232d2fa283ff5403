"""Boots an image and sees that it is what a cloud, and Ansible, will need.

The guest gets a config drive, as Nova makes it; its host key is pinned from the console, as the
toolkit does it with every server; then its services are asked over SSH.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.errors import HoabanError, ManyErrors
from hoaban.image.configdrive import make_config_drive
from hoaban.image.guest import HOST, Guest, Machine
from hoaban.image.progress import Phases, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.image.store import BuiltImage

KEYS_MARK = "-----END SSH HOST KEY KEYS-----"
DONE_MARK = "finished at"
HOSTNAME = "image-check"
_QEMU = 9  # the emulation in QEMU 7 makes the kernel panic: a fault of cmpxchg16b
_HOST_KEY = re.compile(r"^(ssh-ed25519 \S+)", re.MULTILINE)
_PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "genisoimage": "genisoimage",
    "ssh": "openssh-client",
}


@dataclass(frozen=True, slots=True)
class Promise:
    """What the image promises: a command in the guest that succeeds, and what it must print."""

    what: str
    command: str
    kept: Callable[[str], bool]


PROMISES = (
    Promise("the system runs", "systemctl is-system-running --wait", lambda out: out == "running"),
    Promise(
        "the backup host's server waits for its role",
        "systemctl is-enabled restic-rest-server.service || test $? = 1",
        lambda out: out == "disabled",
    ),
    Promise("no unit failed", "systemctl --failed --plain --no-legend", lambda out: not out),
    Promise("cloud-init is content", "cloud-init status", lambda out: out == "status: done"),
    Promise("its name is the one it was given", "hostname", lambda out: out == HOSTNAME),
    Promise("sudo asks for no password", "sudo -n id -u", lambda out: out == "0"),
    Promise(
        "the root file system fills its disk",
        "findmnt --bytes --noheadings --output SIZE /",
        lambda out: out.isdigit() and int(out) > 2.5 * 1024**3,  # built with 2, on a disk of 3
    ),
    Promise(
        "one host key, and no password that opens an account",
        "ls /etc/ssh/ssh_host_*_key; sudo awk -F: '$2 !~ /^[!*]/' /etc/shadow",
        lambda out: out == "/etc/ssh/ssh_host_ed25519_key",
    ),
    Promise(
        "both languages are there",
        "locale --all-locales",
        lambda out: {"en_US.utf8", "vi_VN.utf8"} <= set(out.split()),
    ),
    Promise("Ansible finds Python and apt's bindings", "python3 -c 'import apt'", lambda _: True),
    Promise("the clock is chrony's", "systemctl is-active chrony", lambda out: out == "active"),
    Promise(
        "programs are confined",
        "sudo cat /sys/kernel/security/apparmor/profiles",
        lambda out: "chronyd (enforce)" in out,
    ),
    Promise(
        "the kernel can make tunnels",
        "sudo ip link add wg0 type wireguard && sudo ip link delete wg0",
        lambda _: True,
    ),
    Promise(
        "names are resolved by the server that DHCP named",
        "resolvectl dns --no-pager | grep -c 10.0.2.3",
        lambda out: out == "1",
    ),
)


@dataclass(slots=True)
class Checked:
    """Result of a check: seconds (wall and processor) from power-on, memory, promises kept."""

    image: str
    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    memory_mb: float = 0.0
    kept: list[str] = field(default_factory=list)

    def reach(self, mark: str, guest: Guest) -> None:
        """Note that ``guest`` is at ``mark`` now."""
        self.seconds[mark] = round(guest.seconds, 1)
        self.cpu_seconds[mark] = round(guest.cpu_seconds, 1)

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def check(
    image: BuiltImage,
    progress: Progress | None = None,
    *,
    machine: Machine | None = None,
    timeout: float = 300,
) -> Checked:
    """Boot ``image``, ask it for every promise, switch it off.

    Raises :class:`ManyErrors` with one error for each promise that it does not keep.
    """
    _check_programs()
    say = Phases(progress).say
    with tempfile.TemporaryDirectory(prefix="hoaban-guest-") as name:
        folder = Path(name)
        drive = make_config_drive(folder, hostname=HOSTNAME, public_key=_key(folder))
        checked = Checked(image.name)
        with Guest(image, drive, folder, machine) as guest:
            say("boot it; wait for the host key on its console")
            _pin(guest, folder, guest.wait_for(KEYS_MARK, timeout))
            checked.reach("host key", guest)
            say(f"host key after {guest.seconds:.0f} s; log in")
            _log_in(guest, timeout)
            checked.reach("ssh", guest)
            say(f"SSH after {guest.seconds:.0f} s; wait for cloud-init")
            guest.wait_for(DONE_MARK, timeout)
            checked.reach("cloud-init done", guest)
            checked.memory_mb = round(guest.memory_mb)
            say(f"cloud-init done after {guest.seconds:.0f} s; ask {len(PROMISES)} questions")
            errors = [error for promise in PROMISES if (error := _ask(guest, promise, checked))]
            say("switch it off")
            guest.ssh("sudo", "systemctl", "poweroff")
            guest.wait_for_end(90)
    if errors:
        raise ManyErrors(errors)
    return checked


def _ask(guest: Guest, promise: Promise, checked: Checked) -> HoabanError | None:
    done = guest.ssh(promise.command)
    output = done.stdout.strip()
    if done.returncode == 0 and promise.kept(output):
        checked.kept.append(promise.what)
        return None
    return HoabanError(
        f"the image does not keep its promise: {promise.what}",
        mend="see the recipe in hoaban/image/recipe",
        detail=f"$ {promise.command}\n{output}\n{done.stderr.strip()}".strip(),
    )


def _log_in(guest: Guest, timeout: float) -> None:
    while (done := guest.ssh("true")).returncode != 0:
        if guest.seconds > timeout:
            raise HoabanError(
                f"no login by SSH within {timeout:.0f} s",
                mend="see what ssh says; a busy machine needs a longer --timeout",
                detail=done.stderr.strip(),
            )
        time.sleep(0.5)


def _pin(guest: Guest, folder: Path, console: str) -> None:
    keys = _HOST_KEY.findall(console)
    if len(keys) != 1:
        raise HoabanError(f"the console shows {len(keys)} host keys of kind ssh-ed25519, not one")
    (folder / "known_hosts").write_text(f"[{HOST}]:{guest.port} {keys[0]}\n")


def _key(folder: Path) -> str:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "image-check"]
    subprocess.run([*command, "-f", str(folder / "key")], check=True)
    return (folder / "key.pub").read_text().strip()


def _check_programs() -> None:
    missing = [package for program, package in _PROGRAMS.items() if not shutil.which(program)]
    if missing:
        raise HoabanError(
            f"programs that boot the image are not installed ({' '.join(missing)})",
            mend="hoaban lab up installs them, QEMU in a version that Debian 13 boots in",
        )
    said = subprocess.run(
        ["qemu-system-x86_64", "--version"], capture_output=True, text=True, check=False
    )
    version = re.search(r"version (\d+)\.", said.stdout)
    if version is None or int(version[1]) < _QEMU:
        raise HoabanError(
            f"this QEMU is too old for Debian 13's kernel: {said.stdout.partition(chr(10))[0]}",
            mend="hoaban lab up installs a newer one from the backports of Debian",
        )
