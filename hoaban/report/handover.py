"""A handover as one value: what was promised, what was built, and what was proved of it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from hoaban import __version__
from hoaban.inventory.fleet import Fleet
from hoaban.model.environment import EnvironmentPlan
from hoaban.model.outputs import HostOutput, NetworkOutput
from hoaban.model.spec import AgencyKind, Contact, ProvinceService
from hoaban.model.types import Family, Model, Protocol, Text
from hoaban.verify.flows import Endpoint, allowed, ports
from hoaban.verify.model import StackMark, VerifyReport
from hoaban.verify.run import kept, mark
from hoaban.verify.scene import endpoint

if TYPE_CHECKING:
    from hoaban.model.province import Province
    from hoaban.workspace import Workspace


class Verdict(StrEnum):
    """Whether an environment is fit for handover.

    ``unproved``: nothing failed, but something could not be tried or measured. Then it may be
    signed only by who knows of that.
    """

    FIT = "fit"
    UNPROVED = "unproved"
    UNFIT = "unfit"


class Party(Model):
    """Who receives: an agency, or the province's own data centre."""

    slug: str
    name: Text
    kind: AgencyKind | None = None
    users: int | None = None
    contact: Contact | None = None
    systems: dict[str, Text]
    """Names of its information systems, by slug."""


class Shared(Model):
    """A host of the province's foundation that the environment uses."""

    name: str
    services: list[ProvinceService]
    ipv4: str
    ipv6: str
    floating_ip: str | None = None
    reaches: list[str]
    """What it may call in the environment: ``TCP 22``."""
    serves: list[str]
    """What the environment may call on it: ``UDP 123``."""


class Handover(Model):
    """All that the page shows. ``stale``: the stack changed after it was verified."""

    schema_version: Literal[1] = 1
    made: datetime
    toolkit: str
    timezone: str
    province: Text
    party: Party
    environment: EnvironmentPlan
    stack: StackMark
    project_id: str
    image: str | None = None
    networks: dict[str, NetworkOutput]
    hosts: dict[str, HostOutput]
    shared: list[Shared]
    verification: VerifyReport
    stale: bool
    verdict: Verdict

    @property
    def ready(self) -> bool:
        """Whether it may be signed: no check failed on what is there now."""
        return self.verdict is not Verdict.UNFIT


def gather(workspace: Workspace, province: Province, agency: str | None) -> Handover:
    """The handover of an agency, or (None) of the province, from its latest verification."""
    fleet = Fleet.read(workspace)
    state = fleet.state_of(agency)
    verification = kept(workspace, agency)
    now = mark(state)
    settings = fleet.settings_of(state)
    stale = verification.stack.digest != now.digest
    foundation = fleet.province.outputs.province if fleet.province else None
    return Handover(
        made=datetime.now(UTC),
        toolkit=__version__,
        timezone=settings.timezone if settings else province.spec.timezone,
        province=province.spec.name,
        party=_party(province, state.outputs.environment),
        environment=state.outputs.environment,
        stack=now,
        project_id=state.outputs.project_id,
        image=foundation.image_name if foundation else None,
        networks=state.outputs.networks,
        hosts=state.outputs.hosts,
        shared=_shared(fleet, agency),
        verification=verification,
        stale=stale,
        verdict=_verdict(verification, stale=stale),
    )


def _verdict(verification: VerifyReport, *, stale: bool) -> Verdict:
    if stale or not verification.ok:
        return Verdict.UNFIT
    return Verdict.UNPROVED if verification.unproved else Verdict.FIT


def _party(province: Province, environment: EnvironmentPlan) -> Party:
    spec = province.agencies.get(environment.agency) if environment.agency else None
    if spec is None:
        return Party(slug=environment.agency or "province", name=environment.name, systems={})
    return Party(
        slug=spec.slug,
        name=spec.name,
        kind=spec.kind,
        users=spec.users,
        contact=spec.contact,
        systems={system.slug: system.name for system in spec.systems},
    )


def _shared(fleet: Fleet, agency: str | None) -> list[Shared]:
    if agency is None or fleet.province is None:
        return []
    ends = [endpoint(host) for host in fleet.hosts_of(agency)]
    hosts = [
        Shared(
            name=host.name,
            services=host.plan.services,
            ipv4=str(host.plan.ipv4),
            ipv6=str(host.plan.ipv6),
            floating_ip=host.output.floating_ip,
            reaches=_flows([(endpoint(host), end) for end in ends]),
            serves=_flows([(end, endpoint(host)) for end in ends]),
        )
        for host in fleet.hosts_of(None)
    ]
    return [host for host in hosts if host.reaches or host.serves]


def _flows(pairs: list[tuple[Endpoint, Endpoint]]) -> list[str]:
    """Ports on which the first of any pair may call the second, in words."""
    found = {
        (str(protocol), port)
        for source, destination in pairs
        for protocol in (Protocol.TCP, Protocol.UDP)
        for port in ports([*source.rules, *destination.rules], protocol)
        if allowed(source, destination, Family.IPV4, protocol, port)
    }
    return [f"{protocol.upper()} {port}" for protocol, port in sorted(found)]
