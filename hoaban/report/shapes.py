"""What the topology drawing is made of. Lengths are in SVG user units."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hoaban.model.environment import HostPlan, NetworkPlan
    from hoaban.report.handover import Shared

WIDTH: Final = 1320
ROUTER_X, ROUTER_WIDTH = 284, 40
GAP: Final = 84
TIER_HEAD: Final = 30


@dataclass(frozen=True, slots=True)
class HostBox:
    """A host inside a tier's box; ``y`` is its top."""

    label: str
    plan: HostPlan
    floating_ip: str | None
    state: str
    """``pass``, ``fail`` or ``skip``: what the checks of this host came to."""
    y: float


@dataclass(frozen=True, slots=True)
class TierBox:
    """The hosts of one tier of one system."""

    title: str
    serves: str
    x: float
    y: float
    width: float
    height: float
    hosts: tuple[HostBox, ...]

    @property
    def middle(self) -> float:
        """Height at which arrows arrive and leave."""
        return self.y + TIER_HEAD / 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text; ``first`` begins a new item."""

    words: str
    first: bool


@dataclass(frozen=True, slots=True)
class SourceBox:
    """Who may come from outside to one tier: lines of text, by language."""

    x: float
    y: float
    width: float
    height: float
    lines: dict[str, list[Line]]


@dataclass(frozen=True, slots=True)
class Arrow:
    """An allowed flow; one between two heights turns at the router."""

    x1: float
    x2: float
    y1: float
    y2: float
    label: str

    @property
    def path(self) -> str:
        """The line, in SVG's words."""
        if self.y1 == self.y2:
            return f"M{self.x1} {self.y1}H{self.x2}"
        turn = ROUTER_X + ROUTER_WIDTH / 2
        return f"M{self.x1} {self.y1}H{turn}V{self.y2}H{self.x2}"

    @property
    def label_x(self) -> float:
        """Where the label is centred: in the last free stretch before the tip."""
        start = max(self.x1, ROUTER_X + ROUTER_WIDTH) if self.x1 < ROUTER_X else self.x1
        return (start + min(self.x2, start + GAP)) / 2

    @property
    def label_y(self) -> float:
        """Where the label stands, just above the line."""
        return self.y2 - 6


@dataclass(frozen=True, slots=True)
class ZoneColumn:
    """A network: a column across all rows."""

    network: NetworkPlan
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """One information system, or (no title) hosts of none; the title in lines, by language."""

    title: dict[str, list[str]]
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Services:
    """What a host of the foundation is for, in both languages."""

    vi: tuple[str, ...]
    en: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SharedBox:
    """A host of the foundation below the environment."""

    host: Shared
    services: Services
    x: float
    y: float
    width: float


@dataclass(slots=True)
class Topology:
    """The whole drawing."""

    width: float = WIDTH
    frame_end: float = WIDTH
    frame_x: float = ROUTER_X - 12
    router_x: float = ROUTER_X
    router_width: float = ROUTER_WIDTH
    height: float = 0
    frame_height: float = 0
    zones: list[ZoneColumn] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    tiers: list[TierBox] = field(default_factory=list)
    sources: list[SourceBox] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    shared: list[SharedBox] = field(default_factory=list)
