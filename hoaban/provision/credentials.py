"""Where the credentials of the province's cloud are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openstack.config import OpenStackConfig
from openstack.config.loader import CONFIG_FILES
from openstack.connection import Connection
from openstack.exceptions import ConfigException

from hoaban.errors import HoabanError, Location
from hoaban.workspace import lab_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIG_FILE_VARIABLE = "OS_CLIENT_CONFIG_FILE"


@dataclass(frozen=True, slots=True)
class CloudEntry:
    """An entry of a ``clouds.yaml``."""

    name: str
    file: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which openstacksdk finds the entry from any folder."""
        return {"OS_CLOUD": self.name, CONFIG_FILE_VARIABLE: str(self.file)}

    def connect(self, region: str | None = None) -> Connection:
        """A connection of openstacksdk; it logs in at its first call."""
        loader = OpenStackConfig(config_files=[str(self.file)], load_envvars=False)
        chosen: dict[str, Any] = {"region_name": region} if region else {}
        return Connection(config=loader.get_one(self.name, **chosen))


def lab_clouds() -> Path:
    """The ``clouds.yaml`` that the lab writes."""
    return lab_dir() / "clouds.yaml"


def find_entry(name: str, inventory_file: Path) -> CloudEntry:
    """The cloud's entry: in the files that openstacksdk reads, else in the lab's.

    ``inventory_file`` is named in the error, since it is what asks for this cloud.
    """
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    usual = [named] if named else list(CONFIG_FILES)
    known: dict[str, None] = {}
    for files in (usual, [str(lab_clouds())]):
        entries, file = _entries(files)
        if name in entries and file is not None:
            return CloudEntry(name, file)
        known |= dict.fromkeys(entries)
    raise HoabanError(
        f"no clouds.yaml has an entry `{name}` (found: {', '.join(known) or 'none'})",
        where=Location(file=str(inventory_file), key="cloud.name"),
        mend=f"add clouds.{name} to ~/.config/openstack/clouds.yaml; for the lab: hoaban lab up",
    )


def _entries(files: Sequence[str]) -> tuple[list[str], Path | None]:
    """Names in the first of these files that there is, and that file."""
    try:
        loader = OpenStackConfig(config_files=list(files), load_envvars=False)
    except ConfigException as error:
        raise HoabanError(
            f"a clouds.yaml cannot be read: {error}",
            mend="see the file: clouds:, below it a name, below that auth:",
        ) from error
    file = loader.config_filename
    entries = loader.cloud_config.get("clouds") or {}
    return (sorted(entries), Path(file).resolve()) if file else ([], None)
