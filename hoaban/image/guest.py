"""A guest that runs from an image right here, in QEMU, without a cloud."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hoaban.converge.console import tail
from hoaban.errors import HoabanError
from hoaban.image.failures import explain

if TYPE_CHECKING:
    from hoaban.image.store import BuiltImage

HOST = "127.0.0.1"
USER = "hoaban"
_POLL_SECONDS = 0.2
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Machine:
    """The virtual machine: software emulation as a cloud without KVM has it."""

    accelerator: str = "tcg"
    cpu: str = "qemu64"
    processors: int = 1
    memory_mb: int = 1024
    disk_gib: int = 3


class Guest:
    """A running guest; a context manager that ends it, whatever happens.

    Its files lie in ``folder``, its disk is a copy-on-write child of the image's root, its SSH
    port is forwarded to a port of this machine's loopback.
    """

    def __init__(
        self, image: BuiltImage, drive: Path, folder: Path, machine: Machine | None = None
    ) -> None:
        self.image = image
        self.drive = drive
        self.folder = folder
        self.machine = machine or Machine()
        self.port = _free_port()
        self.started = time.monotonic()
        self._console = folder / "console"
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        disk = self.folder / "disk.qcow2"
        backing = ["-b", str(self.image.root.resolve()), "-F", self.image.disk_format]
        create = ["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(disk)]
        subprocess.run([*create, f"{self.machine.disk_gib}G"], check=True)
        self._console.touch()
        self._process = subprocess.Popen(
            self._command(disk), stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        self.started = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()

    @property
    def seconds(self) -> float:
        """Seconds since the machine was switched on."""
        return time.monotonic() - self.started

    @property
    def cpu_seconds(self) -> float:
        """Processor time that the emulator has used: what a busy machine does not distort."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def memory_mb(self) -> float:
        """Memory of this machine that the emulator holds."""
        return int(self._proc("statm").split()[1]) * _PAGE / 1024**2

    def console(self) -> str:
        """All that the guest has written to its serial console."""
        return self._console.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, mark: str, timeout: float) -> str:
        """Wait until the console shows ``mark``, ``timeout`` seconds from the start at most."""
        while mark not in (text := self.console()):
            self._still_running()
            if self.seconds > timeout:
                raise HoabanError(
                    f"the guest's console did not show «{mark}» within {timeout:.0f} s",
                    mend="read the console's end; a busy machine needs a longer --timeout",
                    detail=tail(text),
                )
            if "Kernel panic" in text:
                raise HoabanError("the guest's kernel panicked", detail=tail(text))
            time.sleep(_POLL_SECONDS)
        return text

    def wait_for_end(self, timeout: float) -> None:
        """Wait until the guest has switched itself off."""
        process = self._running()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise HoabanError(
                f"the guest did not switch itself off within {timeout:.0f} s",
                detail=tail(self.console()),
            ) from error

    def ssh(self, *command: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run ``command`` in the guest, as its first user; the host key must be the pinned one.

        The folder holds ``key`` (private) and ``known_hosts``.
        """
        options = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "IdentityFile": str(self.folder / "key"),
            "UserKnownHostsFile": str(self.folder / "known_hosts"),
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": "30",
            "ControlMaster": "auto",
            "ControlPath": str(self.folder / "ssh"),
            "ControlPersist": "60",
        }
        flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
        return subprocess.run(
            ["ssh", "-F", "none", *flags, "-p", str(self.port), f"{USER}@{HOST}", *command],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _command(self, disk: Path) -> list[str]:
        machine = self.machine
        return [
            "qemu-system-x86_64",
            *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"),
            *("-machine", "pc", "-accel", machine.accelerator, "-cpu", machine.cpu),
            *("-smp", str(machine.processors), "-m", f"{machine.memory_mb}M"),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)),
            *("-append", self.image.command_line),
            *("-serial", f"file:{self._console}"),
            *("-drive", f"file={disk},if=none,id=root,format=qcow2,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=root"),
            *("-drive", f"file={self.drive},if=none,id=drive,format=raw,readonly=on"),
            *("-device", "virtio-blk-pci,drive=drive"),
            *("-netdev", f"user,id=net,hostfwd=tcp:{HOST}:{self.port}-:22"),
            *("-device", "virtio-net-pci,netdev=net"),
            *("-object", "rng-random,id=rng,filename=/dev/urandom"),
            *("-device", "virtio-rng-pci,rng=rng"),
            *("-device", "virtio-balloon-pci"),
        ]

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError("the guest is not started: use it as a context manager")
        return self._process

    def _still_running(self) -> None:
        process = self._running()
        if process.poll() is not None:
            said = process.stderr.read() if process.stderr else ""
            raise explain("the emulator ended", said, self.folder)

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self._running().pid}/{name}").read_text(encoding="ascii")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
