"""Where things lie in the folder of the lab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.workspace import lab_dir

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of one lab; the role ``openstack_lab`` writes the same names."""

    root: Path

    @classmethod
    def of_machine(cls) -> Layout:
        """The lab of this machine (``$HOABAN_LAB_DIR``)."""
        return cls(lab_dir())

    @property
    def clouds(self) -> Path:
        """The ``clouds.yaml`` with the entry ``lab``."""
        return self.root / "clouds.yaml"

    @property
    def secrets(self) -> Path:
        """Passwords made at the first start, as variables of the role."""
        return self.root / "secrets.yml"

    @property
    def applied(self) -> Path:
        """What the last complete run of the role applied (JSON)."""
        return self.root / "applied.json"

    @property
    def hypervisor(self) -> Path:
        """Which hypervisor was chosen last."""
        return self.root / "hypervisor"

    @property
    def venv(self) -> Path:
        """The environment of OpenStack's own Python packages."""
        return self.root / "venv"

    @property
    def logs(self) -> Path:
        """Folder of logs, one file a program."""
        return self.root / "log"

    @property
    def state(self) -> Path:
        """Folder of what the services keep."""
        return self.root / "state"

    @property
    def supervisor_socket(self) -> Path:
        """Where the supervisor takes commands."""
        return self.root / "run" / "supervisor.sock"

    @property
    def supervisor_pid(self) -> Path:
        """File with the supervisor's process number."""
        return self.root / "run" / "supervisord.pid"

    @property
    def supervisor_config(self) -> Path:
        """The supervisor's configuration."""
        return self.root / "etc" / "supervisor" / "supervisord.conf"

    def log_of(self, program: str) -> Path:
        """Log of one program."""
        return self.logs / f"{program}.log"
