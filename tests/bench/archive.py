"""Debian packages for a guest, fetched by this machine's apt from the mirror that it has.

apt works in a folder of its own, with the guest's list of packages in place of this machine's: it
fetches what the guest lacks, and nothing here changes.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError
from hoaban.image.mirror import KEYRING, host_mirror

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Archive:
    """A release of Debian, as a machine with the packages of ``status`` sees it."""

    codename: str
    folder: Path
    status: str = ""
    """Content of the other machine's /var/lib/dpkg/status."""

    @property
    def debs(self) -> Path:
        """Folder of the fetched packages."""
        return self.folder / "cache/archives"

    def fetch(self, *names: str) -> list[Path]:
        """Fetch packages, by name or ``name=version``, with what they need and is not there."""
        self._prepare()
        self._run("apt-get", "--quiet", "update")
        command = ("install", "--download-only", "--yes", "--no-install-recommends")
        self._run("apt-get", "--quiet", *command, *names)
        return sorted(self.debs.glob("*.deb"))

    def _prepare(self) -> None:
        for name in ("lists/partial", "cache/archives/partial", "etc/preferences.d"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        mirror = host_mirror()
        source = f"deb [signed-by={KEYRING}] {mirror.archive} {self.codename} main\n"
        (self.folder / "sources.list").write_text(source)
        (self.folder / "status").write_text(self.status)
        options = {
            "Dir::Etc": self.folder / "etc",
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "root",  # apt's own account may not look into a private folder
        }
        lines = [*mirror.options, *(f'{name} "{value}";' for name, value in options.items())]
        (self.folder / "apt.conf").touch(mode=0o600)  # a proxy's address may hold a password
        (self.folder / "apt.conf").write_text("\n".join(lines) + "\n")

    def _run(self, *command: str) -> str:
        environment = {
            "APT_CONFIG": str(self.folder / "apt.conf"),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise HoabanError(
                f"apt could not fetch packages of Debian {self.codename}",
                mend="see that apt works on this machine: apt-get update; a version that is named "
                "in tests/bench/judges.py may have left the archive for a newer one",
                detail=done.stderr.strip(),
            )
        return done.stdout


def unpack(package: Path, folder: Path) -> Path:
    """Lay a package's files into a folder; nothing of it is run."""
    subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    return folder
