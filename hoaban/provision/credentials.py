"""Where the credentials of the province's cloud are."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from openstack.config import OpenStackConfig
from openstack.config.loader import CONFIG_FILES
from openstack.connection import Connection

from hoaban.errors import HoabanError, Location
from hoaban.model.document import place
from hoaban.workspace import lab_dir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.openstack.errors import CloudError

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


def blame(error: CloudError, environment: Mapping[str, str]) -> CloudError:
    """The error of a log-in, with the place of the credentials that it was tried with."""
    file, name = environment.get(CONFIG_FILE_VARIABLE), environment.get("OS_CLOUD")
    if error.everywhere and file and name:
        key = ("clouds", name, "auth", *(() if error.status else ("auth_url",)))
        request = error.where.request_id if error.where else None
        error.where = replace(place(Path(file), *key, name=file), request_id=request)
    return error


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
        where=place(inventory_file, "cloud", "name"),
        mend=f"add clouds.{name} to ~/.config/openstack/clouds.yaml; for the lab: hoaban lab up",
    )


def _entries(files: Sequence[str]) -> tuple[list[str], Path | None]:
    """Names in the first of these files that there is, and that file.

    openstacksdk passes over a file that it cannot read; here that is an error, since people would
    look for the fault everywhere else.
    """
    for name in files:
        _readable(Path(name))
    loader = OpenStackConfig(config_files=list(files), load_envvars=False)
    file = loader.config_filename
    entries = loader.cloud_config.get("clouds") or {}
    return (sorted(entries), Path(file).resolve()) if file else ([], None)


def _readable(file: Path) -> None:
    if not file.is_file():
        return
    try:
        yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        raise HoabanError(
            f"clouds.yaml cannot be read: {getattr(error, 'problem', None) or error}",
            where=Location(file=str(file), line=mark.line + 1 if mark else None),
            mend="see the file: clouds:, below it a name, below that auth:",
        ) from error
