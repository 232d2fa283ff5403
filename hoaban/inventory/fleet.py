"""All hosts of all stacks as one estate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from hoaban.errors import HoabanError, Location
from hoaban.inventory.state import StackState, read_stacks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from hoaban.model.environment import EnvironmentPlan, ForwardRule, HostPlan, Rule
    from hoaban.model.outputs import HostOutput, HostSettings
    from hoaban.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ManagedHost:
    """A host that was built: its plan, its identifiers, and the stack that both come from."""

    state: StackState
    plan: HostPlan
    output: HostOutput

    @property
    def name(self) -> str:
        """Name of the host, unique in the province."""
        return self.plan.name

    @property
    def environment(self) -> EnvironmentPlan:
        """Plan of the environment that the host is part of."""
        return self.state.outputs.environment

    @property
    def rules(self) -> list[Rule]:
        """Flows that the host's security groups and packet filter allow."""
        return self.environment.rules_of(self.plan)

    @property
    def transit(self) -> list[ForwardRule]:
        """Flows between others that the host passes on."""
        return self.environment.transit_of(self.plan)


class Fleet:
    """Built hosts by name, the bastion among them, and the settings they share."""

    def __init__(self, states: Sequence[StackState]) -> None:
        self.states = tuple(states)
        self.hosts: Mapping[str, ManagedHost] = _by_name(
            ManagedHost(state, plan, state.outputs.hosts[plan.name])
            for state in states
            for plan in state.outputs.environment.hosts
            if plan.name in state.outputs.hosts
        )

    @classmethod
    def read(cls, workspace: Workspace) -> Fleet:
        """The estate as the workspace's backend knows it."""
        return cls(read_stacks(workspace.backend))

    @cached_property
    def province(self) -> StackState | None:
        """The state of the province's foundation, if it was made."""
        return next((s for s in self.states if s.outputs.environment.agency is None), None)

    @cached_property
    def bastion(self) -> ManagedHost | None:
        """The host through which all others are reached."""
        if self.province is None or self.province.outputs.province is None:
            return None
        return self.hosts.get(self.province.outputs.province.bastion)

    @property
    def router_addresses(self) -> list[IPv4Address | IPv6Address]:
        """Addresses of the province's router on the external network, as far as they are known."""
        made = self.province.outputs.province if self.province else None
        return made.router_addresses if made else []

    def jump_of(self, host: ManagedHost) -> ManagedHost | None:
        """The host that a connection to ``host`` goes through; None when it goes straight."""
        return None if self.bastion is host else self.bastion

    def address_of(self, host: ManagedHost) -> str:
        """Where a connection to ``host`` goes: an address inside, or the floating IP."""
        if self.jump_of(host) is None and host.output.floating_ip is not None:
            return host.output.floating_ip
        return str(host.plan.ipv4)

    def state_of(self, agency: str | None) -> StackState:
        """The stack of an agency, or (None) of the province; an error when it was never made."""
        for state in self.states:
            if state.outputs.environment.agency == agency:
                return state
        whose = "the province's foundation" if agency is None else f"agency {agency}"
        raise HoabanError(
            f"nothing has been provisioned for {whose}",
            mend="hoaban up" if agency is None else f"hoaban up {agency}",
        )

    def hosts_of(self, agency: str | None) -> list[ManagedHost]:
        """Built hosts of one stack, in the order of its plan."""
        state = self.state_of(agency)
        return [host for host in self.hosts.values() if host.state is state]

    def unbuilt(self, agency: str | None) -> list[str]:
        """Hosts that a stack's plan promises and its state does not hold."""
        outputs = self.state_of(agency).outputs
        return [plan.name for plan in outputs.environment.hosts if plan.name not in outputs.hosts]

    def host(self, name: str) -> ManagedHost:
        """A host by its name or its full domain name."""
        for host in self.hosts.values():
            if name in (host.name, host.plan.fqdn):
                return host
        near = sorted(known for known in self.hosts if name in known)[:5]
        raise HoabanError(
            f"no host {name} in the stacks' state",
            mend=f"did you mean {' or '.join(near)}?" if near else "hoaban status lists the hosts",
        )

    def settings_of(self, state: StackState) -> HostSettings | None:
        """Settings of a stack's hosts: its own, or those of the province."""
        if state.outputs.settings is not None or self.province is None:
            return state.outputs.settings
        return self.province.outputs.settings


def _by_name(hosts: Iterable[ManagedHost]) -> dict[str, ManagedHost]:
    found: dict[str, ManagedHost] = {}
    for host in hosts:
        other = found.setdefault(host.name, host)
        if other is not host:
            raise HoabanError(
                f"two stacks hold a host {host.name}: {other.state.file} and {host.state.file}",
                where=Location(file=str(host.state.file)),
                mend="destroy one of the two stacks, or rename its agency or system",
            )
    return found
