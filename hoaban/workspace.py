"""Where things lie: the checkout, and what hoaban keeps beside it."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hoaban.errors import HoabanError

INVENTORY_FILE = Path("inventory/province.yml")
TOOLKIT_LINK = Path(".hoaban/toolkit")
"""Where a province's own ansible.cfg finds the toolkit of this machine."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A checkout with an inventory, and the folder of its state (``$HOABAN_HOME``).

    The state folder holds secrets (a deploy key, the passphrase of stacks): it is made with
    mode 0700 and stays out of version control.
    """

    root: Path
    home: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The workspace that holds ``start``, or an error.

        ``start`` is ``$HOABAN_ROOT`` unless told, which is how a Pulumi program in the toolkit's
        folder finds the province it is run for; else the current folder.
        """
        here = (start or Path(os.environ.get("HOABAN_ROOT", "."))).resolve()
        for folder in (here, *here.parents):
            if (folder / INVENTORY_FILE).is_file():
                home = os.environ.get("HOABAN_HOME")
                return cls(folder, Path(home).resolve() if home else folder / ".hoaban")
        raise HoabanError(
            f"no {INVENTORY_FILE} in {here} or any folder above it",
            mend="run this in a checkout of the province, or make one with: hoaban init DIRECTORY",
        )

    def ensure_home(self) -> Path:
        """Make the state folder, readable by its owner only, also where it is there already."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.home.chmod(0o700)
        self.link_toolkit()
        return self.home

    def link_toolkit(self) -> None:
        """Lead from a province of its own to the toolkit, for who calls Ansible by hand there.

        The province's ansible.cfg is in version control and the same for everybody; where the
        toolkit lies is a fact of this machine. A folder that can't be written stays without.
        """
        link = self.root / TOOLKIT_LINK
        if self.root == toolkit_root() or (link.is_symlink() and link.readlink() == toolkit_root()):
            return
        with suppress(OSError):
            link.parent.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=link.parent) as folder:
                made = Path(folder) / link.name
                made.symlink_to(toolkit_root())
                made.replace(link)

    @property
    def inventory(self) -> Path:
        """Folder of what people edit: province.yml, agencies/, the address ledger."""
        return self.root / "inventory"

    @property
    def stack_config(self) -> Path:
        """Folder of stack configuration: ``<project>/Pulumi.<stack>.yaml``."""
        return self.home / "config"

    @property
    def backend(self) -> Path | str:
        """Where the state is: ``$PULUMI_BACKEND_URL``, else a folder; ``.pulumi`` is inside it.

        An error where the variable leads away from a folder with stacks: those would seem not to
        be there, and be made once more.
        """
        folder = self.home / "state"
        url = os.environ.get("PULUMI_BACKEND_URL", "")
        if not url or url.rstrip("/") == folder.as_uri():
            return folder
        if any(folder.glob(".pulumi/stacks/*/*.json")):
            raise HoabanError(
                f"PULUMI_BACKEND_URL is {url}, but there are stacks in {folder}",
                mend="unset PULUMI_BACKEND_URL to use those; or move all that is in "
                f"{folder}/.pulumi there, and the folder out of the way",
            )
        return url

    @property
    def keys(self) -> Path:
        """Folder of the deploy key pair and the passphrase of stacks."""
        return self.home / "keys"

    @property
    def known_hosts(self) -> Path:
        """Folder of pinned host keys, one file a stack."""
        return self.home / "known_hosts"

    @property
    def escrow(self) -> Path:
        """Folder of the sealed passwords of backups, one file a host."""
        return self.home / "escrow"

    @property
    def reports(self) -> Path:
        """Folder of reports, one sub-folder an agency."""
        return self.home / "reports"

    @property
    def logs(self) -> Path:
        """Folder of logs of runs."""
        return self.home / "logs"


def toolkit_root() -> Path:
    """Folder of the toolkit's own stacks/, playbooks/, roles/ and templates/."""
    return Path(__file__).resolve().parent.parent


def lab_dir() -> Path:
    """Folder of the lab: one a machine, since it takes well-known ports and bridges."""
    return Path(os.environ.get("HOABAN_LAB_DIR", "/var/lib/hoaban/lab"))


def image_dir() -> Path:
    """Folder in which built guest images are kept."""
    return Path(os.environ.get("HOABAN_IMAGE_DIR", "/var/cache/hoaban/images"))
