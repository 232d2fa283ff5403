"""Measures: facts of hosts, flows from hosts and from here, tries to log in.

Hosts may be slow (seconds for a Python to start), so each gets one session for its facts and one
for its flows, all hosts at once, over connections that are kept open.
"""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from hoaban.model.types import Direction, Family, Text
from hoaban.verify.agents import probe, source
from hoaban.verify.facts import Facts
from hoaban.verify.flows import CANARIES, Flow, from_host, lets, ports, thinned
from hoaban.verify.scene import UNTRIED, Ahead, Attempt, Trial, endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.outputs import HostSettings
    from hoaban.remote import Remote, RemoteResult
    from hoaban.verify.routes import Vantage

FACTS_SECONDS: Final = 420.0
ALLOWED_PATIENCE: Final = 12.0
FORBIDDEN_PATIENCE: Final = 4.0
MOST_FLOWS_OUTSIDE: Final = 400
PYTHON: Final = ("sudo", "-n", "python3", "-I", "-S", "-")


def facts(
    remote: Remote, hosts: Sequence[ManagedHost], settings: HostSettings | None
) -> tuple[dict[str, Facts], dict[str, Text], dict[str, Ahead]]:
    """Facts by host; why there are none, by host; how far clocks are ahead, in seconds."""
    program = source("facts")
    accounts = [operator.name for operator in settings.operators] if settings else []
    asked = {
        host.name: {
            "mounts": [volume.mount for volume in host.plan.volumes],
            "accounts": accounts,
        }
        for host in hosts
    }
    known: dict[str, Facts] = {}
    silent: dict[str, Text] = {}
    clocks: dict[str, Ahead] = {}

    def work(name: str) -> RemoteResult:
        return _agent(remote, name, program, asked[name], FACTS_SECONDS)

    for name, result in remote.each(asked, work).items():
        try:
            known[name] = Facts.model_validate_json(_answer(result))
        except ValueError as error:  # pydantic's errors are ValueErrors too
            silent[name] = _no_answer(str(error).splitlines()[0])
    if known:
        clocks = _clocks(remote, list(known))
    return known, silent, clocks


def inside(
    remote: Remote, routes: Mapping[str, Sequence[Flow]]
) -> tuple[list[Trial], dict[str, Text]]:
    """Try flows from hosts; the trials, and by host why none could be made."""
    program = source("probe")

    def work(name: str) -> RemoteResult:
        return _agent(remote, name, program, {"probes": _asked(routes[name])}, 120)

    trials: list[Trial] = []
    mute: dict[str, Text] = {}
    for name, result in remote.each(routes, work).items():
        try:
            trials += _trials(routes[name], json.loads(_answer(result)))
        except (ValueError, TypeError) as error:
            mute[name] = _no_answer(str(error).splitlines()[0])
    return trials, mute


def routes_between(
    sources: Iterable[ManagedHost], destinations: Iterable[ManagedHost]
) -> dict[str, list[Flow]]:
    """Flows to try from each source to all destinations."""
    ends = [endpoint(host) for host in destinations]
    return {host.name: from_host(endpoint(host), ends) for host in sources}


def outside(hosts: Sequence[ManagedHost], vantage: Vantage) -> list[Trial]:
    """Try flows from this machine to hosts, at their floating and their inner addresses.

    Nothing leads from here to inner addresses but a mistake, so only what is forbidden is tried
    there; at floating addresses all is. An address to which only the default route leads is some
    other network's as far as this machine knows: nothing is sent there, and nothing is proved.
    """
    flows: list[Flow] = []
    for host in hosts:
        if host.output.floating_ip is not None:
            flows += _outside_flows(host, ip_address(host.output.floating_ip), vantage)
        for address in (host.plan.ipv4, host.plan.ipv6):
            flows += [f for f in _outside_flows(host, address, vantage) if not f.allowed]
    flows = thinned(flows, MOST_FLOWS_OUTSIDE)
    reached = {address: vantage.reaches(address) for address in {f.address for f in flows}}
    routed = [flow for flow in flows if reached[flow.address]]
    untried = [Trial(flow, UNTRIED, 0) for flow in flows if not reached[flow.address]]
    marks = {address: vantage.mark_for(address) for address in {f.address for f in routed}}
    asked = [[*one, marks[f.address]] for one, f in zip(_asked(routed), routed, strict=True)]
    return _trials(routed, probe.run(asked)) + untried


def attempts(remote: Remote, hosts: Sequence[ManagedHost]) -> dict[str, Attempt]:
    """Try to log in to each host as root; the answer names the methods that it takes."""
    options = (
        "-l", "root", "-o", "ControlPath=none", "-o", "NumberOfPasswordPrompts=0",
        "-o", "PreferredAuthentications=publickey,keyboard-interactive,password",
        "-o", "PasswordAuthentication=yes", "-o", "KbdInteractiveAuthentication=yes",
    )  # fmt: skip
    found = {}
    names = [host.name for host in hosts]
    results = remote.each(names, lambda name: remote.run(name, ["true"], *options, timeout=60))
    for name, result in results.items():
        denied = re.search(r"Permission denied \(([a-z,-]+)\)", result.stderr)
        methods = tuple(denied.group(1).split(",")) if denied else ()
        found[name] = Attempt(result.ok, methods, (result.stderr.splitlines() or [""])[-1])
    return found


def _agent(
    remote: Remote, host: str, program: str, asked: Mapping[str, Any], timeout: float
) -> RemoteResult:
    words = [*PYTHON, json.dumps(asked, separators=(",", ":"))]
    return remote.run(host, words, stdin=program, timeout=timeout)


def _clocks(remote: Remote, names: Sequence[str]) -> dict[str, Ahead]:
    """Clocks against this machine's, to half a round trip: a shell is enough to ask."""

    def one(name: str) -> Ahead | None:
        before = time.time()
        result = remote.run(name, ["date", "+%s.%N"])
        after = time.time()
        if not result.ok:
            return None
        return Ahead(float(result.stdout) - (before + after) / 2, (after - before) / 2)

    with ThreadPoolExecutor(max_workers=4) as pool:
        offsets = dict(zip(names, pool.map(one, names), strict=True))
    return {name: ahead for name, ahead in offsets.items() if ahead is not None}


def _outside_flows(
    host: ManagedHost, address: IPv4Address | IPv6Address, vantage: Vantage
) -> list[Flow]:
    family = Family.IPV4 if address.version == 4 else Family.IPV6  # noqa: PLR2004
    here = vantage.own_address(address)
    return [
        Flow(
            "here",
            host.name,
            address,
            family,
            protocol,
            port,
            here is not None and lets(host.rules, Direction.INGRESS, protocol, port, here),
        )
        for protocol in CANARIES
        for port in sorted(ports(host.rules, protocol))
    ]


def _asked(flows: Sequence[Flow]) -> list[list[Any]]:
    return [
        [
            flow.address.version,
            str(flow.protocol),
            str(flow.address),
            flow.port,
            ALLOWED_PATIENCE if flow.allowed else FORBIDDEN_PATIENCE,
        ]
        for flow in flows
    ]


def _trials(flows: Sequence[Flow], answers: Sequence[Sequence[Any]]) -> list[Trial]:
    return [
        Trial(flow, str(state), int(milliseconds))
        for flow, (state, milliseconds) in zip(flows, answers, strict=True)
    ]


def _answer(result: RemoteResult) -> str:
    """What an agent wrote; :class:`ValueError` with the reason when it did not get that far."""
    if not result.ok:
        raise ValueError((result.stderr.splitlines() or [f"status {result.status}"])[-1])
    return result.stdout


def _no_answer(reason: str) -> Text:
    return Text(vi=f"Máy chủ không trả lời: {reason}", en=f"The host gave no answer: {reason}")
