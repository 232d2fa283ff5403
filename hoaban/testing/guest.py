"""A real guest for what a container can't do honestly: disks, udev, mounts, boots.

It is the toolkit's own guest image under QEMU, set up by cloud-init as in the cloud: a
configuration drive names the account, its key and the pinned host key. Its network is QEMU's own
(nothing of the machine's is touched), its disks carry serial numbers as Nova gives them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from hoaban.errors import HoabanError
from hoaban.image.build import ensure
from hoaban.model.types import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = ("genisoimage", "openssh-client", "qemu-system-x86", "qemu-utils")
"""Debian packages that tests with a guest need on the controller."""

ACCOUNT = "hoaban"
BOOT_SECONDS = 600
MEMORY_MB = 640
_SERIAL_LENGTH = 20


class GuestDisk(Model):
    """A volume of a guest."""

    volume_id: str
    size_gb: int
    content: str = ""
    """Text that the disk starts with: data which is nobody's business."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest whose files are in ``folder``; QEMU takes orders at the socket ``control``."""

    name: str
    folder: Path
    control: Path

    @property
    def ssh_config(self) -> Path:
        """Client configuration under which the guest answers to its name."""
        return self.folder / "ssh_config"

    @property
    def console(self) -> Path:
        """What the guest wrote to its serial console."""
        return self.folder / "console.log"

    def start(self, disks: list[GuestDisk]) -> None:
        """Boot, and wait until SSH answers."""
        self._check_machine()
        self.stop()
        self.folder.mkdir(mode=0o700, parents=True)
        self.control.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        image = ensure()
        port = _free_port()
        self._write_keys(port)
        self._write_config_drive()
        root = self.folder / "root.qcow2"
        _run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(image.root), root)
        command = [
            "qemu-system-x86_64",
            "-daemonize",
            *("-name", self.name, "-pidfile", str(self.folder / "pid")),
            *("-machine", "pc", "-accel", "tcg", "-m", str(MEMORY_MB), "-smp", "2"),
            # Without cx16, whose emulation older releases of QEMU have wrong.
            *("-cpu", "qemu64,-cx16", "-display", "none", "-serial", f"file:{self.console}"),
            *("-qmp", f"unix:{self.control},server=on,wait=off"),
            *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
            *("-append", image.command_line),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:22"),
            *("-device", "virtio-net-pci,netdev=net", "-device", "virtio-rng-pci"),
            *_drive("root", root, "qcow2"),
            *_drive("config", self.folder / "config.iso", "raw", "readonly=on"),
        ]
        for number, disk in enumerate(disks):
            path = self.folder / f"disk{number}.raw"
            path.write_text(disk.content)
            os.truncate(path, disk.size_gb * 1024**3)
            command += _drive(f"disk{number}", path, "raw", serial=disk.volume_id[:_SERIAL_LENGTH])
        _run(*command)
        self._wait()

    def grow(self, number: int, size_gb: int) -> None:
        """Extend a disk while the guest runs, as the cloud does with an attached volume."""
        arguments = {"device": f"disk{number}", "size": size_gb * 1024**3}
        with self._qmp() as ask:
            ask("block_resize", arguments)

    def stop(self) -> None:
        """End the guest, and remove its files."""
        with suppress(FileNotFoundError, ProcessLookupError, ValueError):
            pid = int((self.folder / "pid").read_text())
            if f"-name\0{self.name}\0" in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGKILL)
                _wait_for_end(pid)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self) -> None:
        end = time.monotonic() + BOOT_SECONDS
        command = ("ssh", "-F", str(self.ssh_config), "-o", "ConnectTimeout=5", self.name, "true")
        while time.monotonic() < end:
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return
            time.sleep(2)
        raise HoabanError(
            f"guest {self.name} did not answer SSH within {BOOT_SECONDS} s",
            mend="see the end of its console below",
            detail="\n".join(self.console.read_text(errors="replace").splitlines()[-30:]),
        )

    def _check_machine(self) -> None:
        programs = ("genisoimage", "ssh-keygen", "qemu-system-x86_64", "qemu-img")
        missing = [name for name in programs if not shutil.which(name)]
        if missing:
            raise HoabanError(
                f"not on this machine: {', '.join(missing)}",
                mend=f"apt-get install --no-install-recommends {' '.join(PACKAGES)}",
            )

    def _write_keys(self, port: int) -> None:
        for name in ("account", "host"):
            path = self.folder / name
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path)
        key = (self.folder / "host.pub").read_text()
        (self.folder / "known_hosts").write_text(f"{self.name} {key}")
        options = {
            "HostName": "127.0.0.1",
            "Port": port,
            "User": ACCOUNT,
            "HostKeyAlias": self.name,
            "IdentityFile": self.folder / "account",
            "UserKnownHostsFile": self.folder / "known_hosts",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "KexAlgorithms": "curve25519-sha256",
            "ControlPath": "none",
        }
        lines = [f"Host {self.name}", *(f"  {key} {value}" for key, value in options.items())]
        self.ssh_config.write_text("\n".join(lines) + "\n")

    def _write_config_drive(self) -> None:
        """What Nova would put there: see "config drive" in its documentation."""
        user_data = {
            "ssh_keys": {
                "ed25519_private": (self.folder / "host").read_text(),
                "ed25519_public": (self.folder / "host.pub").read_text(),
            },
            "users": [
                {
                    "name": ACCOUNT,
                    "shell": "/bin/bash",
                    "lock_passwd": True,
                    "sudo": "ALL=(ALL) NOPASSWD:ALL",
                    "ssh_authorized_keys": [(self.folder / "account.pub").read_text()],
                }
            ],
        }
        latest = self.folder / "config/openstack/latest"
        latest.mkdir(parents=True)
        (latest / "user_data").write_text(f"#cloud-config\n{yaml.safe_dump(user_data)}")
        meta = {"uuid": self.name, "hostname": self.name, "name": self.name}
        (latest / "meta_data.json").write_text(json.dumps(meta))
        drive, source = self.folder / "config.iso", self.folder / "config"
        _run("genisoimage", "-quiet", "-J", "-R", "-V", "config-2", "-o", drive, source)

    @contextmanager
    def _qmp(self) -> Iterator[Any]:
        """Speak to QEMU: a greeting, the handshake, then a function that asks and gets answers."""
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(str(self.control))
            stream = channel.makefile("rw")
            stream.readline()

            def ask(command: str, arguments: dict[str, Any] | None = None) -> Any:
                stream.write(json.dumps({"execute": command, "arguments": arguments or {}}) + "\n")
                stream.flush()
                while True:
                    answer = json.loads(stream.readline())
                    if "error" in answer:
                        raise HoabanError(
                            f"QEMU refused {command}: {answer['error']['desc']}",
                            mend="make the guest anew: molecule's actions destroy and create",
                        )
                    if "return" in answer:
                        return answer["return"]

            ask("qmp_capabilities")
            yield ask


def _drive(name: str, path: Path, kind: str, *more: str, serial: str = "") -> list[str]:
    options = [f"if=none,id={name},file={path},format={kind},discard=unmap", *more]
    device = f"virtio-blk-pci,drive={name}" + (f",serial={serial}" if serial else "")
    return ["-drive", ",".join(options), "-device", device]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_end(pid: int) -> None:
    """Wait until a process is gone, or is left as a zombie by an init that collects none."""
    with suppress(FileNotFoundError):
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            time.sleep(0.1)


def _run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HoabanError(
            f"{words[0]} failed with status {done.returncode}",
            mend="the lines below are its own",
            detail=done.stderr.strip(),
        )
