"""A province of alike agencies: those that are measured against each other, and a crowd."""

from __future__ import annotations

import copy
import secrets
from typing import TYPE_CHECKING, Any

import yaml

from hoaban.model.ledgerfile import allocate
from hoaban.provision.credentials import find_entry
from hoaban.provision.secrets import deploy_key
from hoaban.provision.stacks import config_file
from hoaban.provision.target import Target
from hoaban.workspace import Workspace
from tests.bench.straight import Straight
from tests.bench.tenant import Lent
from tests.cloud.province import DEPARTMENT, PROVINCE

if TYPE_CHECKING:
    from pathlib import Path

    from openstack.connection import Connection

OURS, TWIN, BULK_TWIN = "so-mot", "so-hai", "so-ba"
CROWD = tuple(f"xa-{number:02}" for number in range(1, 21))


class BenchProvince:
    """A workspace in ``folder``; the department of the cloud tests under many names.

    Its slug is another in each run, so that it meets nothing of another one in the same cloud.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slug = f"do-luong-{secrets.token_hex(2)}"
        self.workspace = Workspace(folder, folder / ".hoaban")
        self._inventory = folder / "inventory"
        (self._inventory / "agencies").mkdir(parents=True)
        self._dump(self._inventory / "province.yml", {**PROVINCE, "slug": self.slug})
        for slug in (OURS, TWIN, BULK_TWIN):
            self._agency(slug, DEPARTMENT)
        commune = copy.deepcopy(DEPARTMENT)
        del commune["systems"][0]["tiers"]["web"]
        for slug in CROWD:
            self._agency(slug, {**commune, "kind": "commune"})
        allocate(self._inventory)
        image = folder / "empty.raw"
        image.write_bytes(bytes(65_536))
        config = config_file(self.target(None))
        config.parent.mkdir(parents=True)
        config.write_text(f"config:\n  province:imageFile: {image}\n", encoding="utf-8")

    def target(self, agency: str | None) -> Target:
        """One stack of the province."""
        return Target.load(self.workspace, agency)

    def connect(self) -> Connection:
        """A connection of its own to the province's cloud."""
        return find_entry("lab", self._inventory / "province.yml").connect()

    def straight(self, agency: str, *, bulk: bool) -> Straight:
        """What makes an agency without the engine, on the foundation as it was built."""
        target = self.target(agency)
        foundation = target.of(None).built()
        if foundation is None or foundation.province is None:
            raise RuntimeError("the foundation comes first")
        lent, spec = foundation.province, target.province.spec
        return Straight(
            self.connect(),
            target.plan,
            Lent(
                router_id=lent.router_id,
                image_id=lent.image_id,
                key_pair=lent.key_pair,
                flavor_ids=lent.flavor_ids,
                external_network=spec.cloud.external_network,
                dns_servers=spec.services.dns,
                deploy_key=deploy_key(self.workspace).with_suffix(".pub").read_text(),
                timezone=spec.timezone,
            ),
            bulk,
        )

    def _agency(self, slug: str, content: dict[str, Any]) -> None:
        self._dump(self._inventory / "agencies" / f"{slug}.yml", {**content, "slug": slug})

    @staticmethod
    def _dump(file: Path, content: dict[str, Any]) -> None:
        file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
