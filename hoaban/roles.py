"""What the roles say of themselves: options, defaults, packages.

``meta/argument_specs.yml`` is the source of truth for a role's variables. Tables of the READMEs,
the refusal of unknown variables, and the packages that images carry are all read from the roles,
so that none of them can fall behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import yaml

from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from pathlib import Path

ROLES_FOLDER = "roles"
GUEST_TAG = "guest"


@dataclass(frozen=True)
class Role:
    """One role, by its folder."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the role, which is also the prefix of its variables."""
        return self.path.name

    @cached_property
    def spec(self) -> dict[str, Any]:
        """Specification of the entry point ``main``: description, options."""
        specs = self._read("meta/argument_specs.yml").get("argument_specs", {})
        if "main" not in specs:
            raise HoabanError(
                f"role {self.name} does not specify its entry point main",
                where=Location(file=str(self.path / "meta/argument_specs.yml")),
                mend="add argument_specs.main with short_description and options",
            )
        main: dict[str, Any] = specs["main"]
        return main

    @property
    def options(self) -> dict[str, dict[str, Any]]:
        """The role's variables, each with its specification, in the order of the file."""
        options: dict[str, dict[str, Any]] = self.spec.get("options") or {}
        return options

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Values of ``defaults/main.yml``; expressions stay as they are written."""
        return self._read("defaults/main.yml")

    @property
    def packages(self) -> list[str]:
        """Debian packages that the role installs (its variable ``<role>_packages``)."""
        return list(self.defaults.get(f"{self.name}_packages", []))

    @property
    def for_guests(self) -> bool:
        """Whether the role configures servers of the cloud, and not the machine of an engineer."""
        info = self._read("meta/main.yml").get("galaxy_info", {})
        return GUEST_TAG in info.get("galaxy_tags", [])

    def unknown_variables(self, names: list[str]) -> list[str]:
        """Names that carry the role's prefix without being one of its variables."""
        prefix = f"{self.name}_"
        return sorted(
            name for name in names if name.startswith(prefix) and name not in self.options
        )

    def _read(self, relative: str) -> dict[str, Any]:
        path = self.path / relative
        try:
            with path.open(encoding="utf-8") as stream:
                values: dict[str, Any] = yaml.safe_load(stream) or {}
        except FileNotFoundError:
            return {}
        except yaml.YAMLError as error:
            raise HoabanError(
                f"{relative} of role {self.name} is not YAML",
                where=Location(file=str(path)),
                mend="correct the file; yamllint shows the line",
                detail=str(error),
            ) from error
        return values


def find_roles(root: Path) -> list[Role]:
    """All roles of the checkout at ``root`` that specify their variables, by name."""
    folders = sorted(path for path in (root / ROLES_FOLDER).iterdir() if path.is_dir())
    return [Role(path) for path in folders if (path / "meta/argument_specs.yml").is_file()]


def guest_packages(root: Path) -> list[str]:
    """Debian packages of all roles for servers, sorted, each once: what an image carries."""
    return sorted({name for role in find_roles(root) if role.for_guests for name in role.packages})
