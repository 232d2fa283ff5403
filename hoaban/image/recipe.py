"""What decides the content of the guest image, and the digest of all that."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hoaban.image import initrd, layout
from hoaban.roles import guest_packages
from hoaban.workspace import toolkit_root

FOLDER = Path(__file__).parent / "recipe"
CODENAME = "trixie"
DISTRIBUTION = "debian-13"
DIGEST_LENGTH = 12


@dataclass(frozen=True)
class Recipe:
    """The files of ``folder`` and the packages of the roles under ``roles_root``.

    The state of Debian's archive and the day are no part of it: an image is built anew when
    someone changes what it shall be, not each time that Debian publishes an update.
    """

    folder: Path = FOLDER
    roles_root: Path | None = None

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """Packages of the image and of every role for servers, sorted, each once."""
        own = self.lines("packages.txt")
        return tuple(sorted({*own, *guest_packages(self.roles_root or toolkit_root())}))

    @cached_property
    def command_line(self) -> str:
        """Kernel command line for a cloud that starts the kernel by itself."""
        return " ".join(self.lines("command-line.txt"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the packages, every file with its path and mode, and the layout."""
        sums = hashlib.sha256()
        for part in (CODENAME, *self.packages):
            sums.update(part.encode() + b"\0")
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                sums.update(f"{path.relative_to(self.folder)}\0{_is_executable(path)}\0".encode())
                sums.update(hashlib.sha256(path.read_bytes()).digest())
        for source in (initrd.__file__, layout.__file__):
            sums.update(Path(source).read_bytes())
        return sums.hexdigest()

    @property
    def name(self) -> str:
        """Name of the image, here and in the cloud."""
        return f"{DISTRIBUTION}-{self.digest[:DIGEST_LENGTH]}"

    def lines(self, name: str) -> list[str]:
        """Entries of a list file: one a line, ``#`` begins a comment."""
        text = (self.folder / name).read_text(encoding="utf-8")
        entries = (line.partition("#")[0].strip() for line in text.splitlines())
        return [entry for entry in entries if entry]


def _is_executable(path: Path) -> bool:
    """The one part of a file's mode that git keeps; the rest depends on who checked it out."""
    return bool(path.stat().st_mode & stat.S_IXUSR)
