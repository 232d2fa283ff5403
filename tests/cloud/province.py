"""A small province for tests: its files can be changed between operations."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import yaml

from hoaban.model.ledgerfile import allocate
from hoaban.provision import Target
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

AGENCY = "so-thu-nghiem"
PROVINCE: dict[str, Any] = {
    "slug": "thu-nghiem",
    "name": {"vi": "Tỉnh Thử Nghiệm", "en": "Test Province"},
    "domain": "thu-nghiem.example",
    "cloud": {"name": "lab", "external_network": "public"},
    "pools": {
        "province": {"ipv4": "10.95.0.0/22", "ipv6": "fd5a:51a0:95::/48"},
        "agencies": {"ipv4": "10.96.0.0/16", "ipv6": "fd5a:51a0:96::/48"},
        "sites": {"ipv4": "10.97.0.0/17", "ipv6": "fd5a:51a0:97::/48"},
    },
    "sizes": {
        "tiny": {"vcpus": 1, "ram_mb": 512, "disk_gb": 1},
        "small": {"vcpus": 2, "ram_mb": 1024, "disk_gb": 2},
    },
    "admin_networks": ["172.31.77.1/32"],
    "hosts": {
        "bastion": {"size": "tiny", "services": ["bastion", "time"], "floating_ip": True},
        "backup-1": {
            "size": "tiny",
            "zone": "services",
            "services": ["backup_host"],
            "volumes": [{"name": "backup", "size_gb": 1, "mount": "/srv/backup"}],
        },
    },
}
TIERS: dict[str, Any] = {
    "web": {"count": 2, "size": "tiny", "ports": [{"port": 443}]},
    "data": {
        "size": "tiny",
        "ports": [{"port": 5432}],
        "volumes": [{"name": "db", "size_gb": 1, "mount": "/srv/db"}],
    },
}
DEPARTMENT: dict[str, Any] = {
    "slug": AGENCY,
    "name": {"vi": "Sở Thử Nghiệm", "en": "Department of Tests"},
    "kind": "department",
    "users": 10,
    "systems": [
        {
            "slug": "portal",
            "name": {"vi": "Cổng thông tin", "en": "Portal"},
            "tiers": TIERS,
            "exposure": {"own_agency": True},
            "backup": {},
        }
    ],
}


class SmallProvince:
    """A workspace of its own with a foundation and one department.

    Change ``province``, ``department``, ``others`` (more agencies) or ``circuits`` and take a new
    :meth:`target`.
    """

    def __init__(self, folder: Path, slug: str = "thu-nghiem") -> None:
        self.folder = folder
        self.province = copy.deepcopy(PROVINCE) | {"slug": slug}
        self.department = copy.deepcopy(DEPARTMENT)
        self.others: list[dict[str, Any]] = []
        self.circuits: dict[str, Any] = {}
        (folder / "inventory" / "agencies").mkdir(parents=True)
        self.write()
        self.workspace = Workspace(folder, folder / ".hoaban")

    @property
    def tiers(self) -> dict[str, Any]:
        """The tiers of the department's one system."""
        tiers: dict[str, Any] = self.department["systems"][0]["tiers"]
        return tiers

    def write(self) -> None:
        """Write the files and give addresses to what has none."""
        inventory = self.folder / "inventory"
        self._dump(inventory / "province.yml", self.province)
        for agency in (self.department, *self.others):
            self._dump(inventory / "agencies" / f"{agency['slug']}.yml", agency)
        if self.circuits:
            self._dump(inventory / "links.yml", {"circuits": self.circuits})
        allocate(inventory)

    def target(self, agency: str | None = AGENCY) -> Target:
        """The department, or with None the foundation, as the files are now."""
        self.write()
        return Target.load(self.workspace, agency)

    @staticmethod
    def _dump(file: Path, content: dict[str, Any]) -> None:
        file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
