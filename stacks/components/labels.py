"""Marks by which every object in the cloud tells whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hoaban.model.environment import EnvironmentPlan

DESCRIPTION_LIMIT = 255  # characters, in Neutron's and Keystone's tables


@dataclass(frozen=True, slots=True)
class Labels:
    """The owner of an environment, as the clouds' several ways of marking want it.

    An agency's objects carry ``agency:<slug>``, the foundation's carry ``province:<slug>`` alone.
    """

    province: str
    agency: str | None = None

    @classmethod
    def of(cls, plan: EnvironmentPlan) -> Labels:
        """The marks of a plan's objects."""
        return cls(plan.province, plan.agency)

    @property
    def owner(self) -> str:
        """The one tag that names the owner."""
        return f"agency:{self.agency}" if self.agency else f"province:{self.province}"

    @property
    def tags(self) -> list[str]:
        """Tags, sorted as the services give them back."""
        return sorted({"hoaban", f"province:{self.province}", self.owner})

    def metadata(self, **more: str | None) -> dict[str, str]:
        """The same as key and value, with what else is to be said; absent values are left out."""
        pairs = {"hoaban": self.province, "agency": self.agency, **more}
        return {key: value for key, value in pairs.items() if value}

    def describe(self, text: str) -> str:
        """A description that ends with the owner's tag, for types that have no tags."""
        tail = f" [{self.owner}]"
        return text[: DESCRIPTION_LIMIT - len(tail)] + tail
