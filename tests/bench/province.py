"""A province of alike agencies: two that are measured against each other, and a crowd."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import yaml

from hoaban.model.ledgerfile import allocate
from hoaban.provision.target import Target
from hoaban.workspace import Workspace
from tests.cloud.province import DEPARTMENT, PROVINCE

if TYPE_CHECKING:
    from pathlib import Path

PAIR = ("so-mot", "so-hai")
CROWD = tuple(f"xa-{number:02}" for number in range(1, 21))


class BenchProvince:
    """A workspace in ``folder``; the department of the cloud tests under many names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = Workspace(folder, folder / ".hoaban")
        inventory = folder / "inventory"
        (inventory / "agencies").mkdir(parents=True)
        self._dump(inventory / "province.yml", {**PROVINCE, "slug": "do-luong"})
        for slug in PAIR:
            self._agency(slug, DEPARTMENT)
        commune = copy.deepcopy(DEPARTMENT)
        del commune["systems"][0]["tiers"]["web"]
        for slug in CROWD:
            self._agency(slug, {**commune, "kind": "commune"})
        allocate(inventory)
        image = folder / "empty.raw"
        image.write_bytes(bytes(1024 * 1024))
        self.config = {"province:imageFile": str(image)}

    def target(self, agency: str | None) -> Target:
        """One stack of the province."""
        return Target.load(self.workspace, agency)

    def _agency(self, slug: str, content: dict[str, Any]) -> None:
        self._dump(
            self.folder / "inventory" / "agencies" / f"{slug}.yml", {**content, "slug": slug}
        )

    @staticmethod
    def _dump(file: Path, content: dict[str, Any]) -> None:
        file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
