"""Everything that was measured for one verification; checks read it and measure nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hoaban.backup.watch import Watch
from hoaban.controls.waivers import Waivers
from hoaban.model.types import Protocol
from hoaban.verify.flows import Endpoint, Flow
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.model.outputs import HostSettings
    from hoaban.model.types import Text
    from hoaban.verify.facts import Facts
    from hoaban.verify.journals import Journals

OPEN = frozenset({"open", "refused"})
CLOSED = frozenset({"silent", "blocked", "unreachable"})
HERE = "here"
"""Source of the flows that are tried from the machine that verifies."""
UNTRIED = "untried"
"""Nothing was sent: only the default route leads there."""
UNPROVED = "unproved"
"""Nothing came back, and nothing shows that packets get as far as the router at all."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A flow that was tried, and what became of it (see the probe agent)."""

    flow: Flow
    state: str
    milliseconds: int

    @property
    def verdict(self) -> Status:
        """Whether it went as the rules say.

        An allowed UDP flow that nothing answers proves nothing: it may have been dropped, or
        taken by a silent program. Nor does a forbidden flow from here that an error ended: it may
        have been this machine's own, which has no way there or does not let it out.
        """
        if self.state in (UNTRIED, UNPROVED):
            return Status.SKIP
        if not self.flow.allowed:
            if self.flow.source == HERE and self.state in CLOSED - {"silent"}:
                return Status.SKIP
            return Status.PASS if self.state in CLOSED else Status.FAIL
        if self.state in OPEN:
            return Status.PASS
        unclear = self.flow.protocol is Protocol.UDP and self.state == "silent"
        return Status.SKIP if unclear else Status.FAIL


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try to log in as root, with the deploy key, and with whatever the host would take."""

    entered: bool
    methods: tuple[str, ...]
    """Authentication methods that the host offers; none when it could not be asked."""
    words: str


@dataclass(frozen=True, slots=True)
class Ahead:
    """Seconds that a host's clock is ahead of this machine's, and how far that may be wrong."""

    seconds: float
    error: float


@dataclass(frozen=True, slots=True)
class Scene:
    """One environment, measured. Hosts without facts are in ``silent`` with the reason."""

    fleet: Fleet
    agency: str | None
    hosts: Sequence[ManagedHost]
    unbuilt: Sequence[str]
    settings: HostSettings | None
    facts: Mapping[str, Facts]
    silent: Mapping[str, Text]
    inside: Sequence[Trial]
    mute: Mapping[str, Text]
    """Hosts that flows should have been tried from and were not, with the reason."""
    outside: Sequence[Trial]
    attempts: Mapping[str, Attempt]
    clock: Mapping[str, Ahead]
    deploy_key: str | None = None
    """Kind and body of the workspace's public key; None when it has none to compare with."""
    journals: Journals | Text | None = None
    """What the log host has; why it does not tell; None where there is none."""
    controls: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    """What the agent ``controls`` found on each host, in the order of its questions."""
    unasked: Mapping[str, Text] = field(default_factory=dict)
    """Hosts whose controls could not be read, with the reason."""
    waivers: Waivers = field(default_factory=Waivers)
    today: date | None = None
    """The day in the province; None where no waiver is judged."""
    backups: Watch = field(default_factory=Watch)
    """What clients, backup hosts and the journal of drills tell."""

    def each(self, judge: Callable[[ManagedHost, Facts], Iterable[Finding]]) -> Iterator[Finding]:
        """Findings about every host; a host that told nothing is skipped with the reason."""
        for host in self.hosts:
            if host.name in self.facts:
                yield from judge(host, self.facts[host.name])
            else:
                yield Finding(host=host.name, status=Status.SKIP, evidence=self.silent[host.name])


def endpoint(host: ManagedHost) -> Endpoint:
    """A host as flows see it."""
    return Endpoint(host.name, host.plan.ipv4, host.plan.ipv6, host.rules)
