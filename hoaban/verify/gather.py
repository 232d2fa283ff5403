"""Measures: facts of hosts, flows from hosts and from here, tries to log in.

Hosts may be slow (seconds for a Python to start), so each gets one session for its facts and one
for its flows, all hosts at once, over connections that are kept open.
"""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from hoaban.controls.judge import questions
from hoaban.model.types import Direction, Family, Protocol, Text
from hoaban.verify.agents import probe, source
from hoaban.verify.facts import Facts
from hoaban.verify.flows import CANARIES, Flow, from_host, lets, ports, thinned
from hoaban.verify.scene import HERE, OPEN, UNPROVED, UNTRIED, Ahead, Attempt, Trial, endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.outputs import HostSettings
    from hoaban.remote import Remote, RemoteResult
    from hoaban.verify.routes import Vantage

    IPAddress = IPv4Address | IPv6Address

FACTS_SECONDS: Final = 420.0
CONTROLS_SECONDS: Final = 120.0
ALLOWED_PATIENCE: Final = 12.0
FORBIDDEN_PATIENCE: Final = 4.0
ECHO_PATIENCE: Final = 4.0
ECHO_TRIES: Final = 2
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


def controls(
    remote: Remote, hosts: Sequence[ManagedHost]
) -> tuple[dict[str, list[str | None]], dict[str, Text]]:
    """Settings of the control catalogue by host; why there are none, by host."""
    program = source("controls")
    asked: dict[str, list[list[str]]] = {}
    for host in hosts:
        pairs = questions(host.environment.security_level, [*map(str, host.plan.services)])
        asked[host.name] = [[str(setting.kind), setting.key] for _, setting in pairs]

    def work(name: str) -> RemoteResult:
        return _agent(remote, name, program, {"asked": asked[name]}, CONTROLS_SECONDS)

    known: dict[str, list[str | None]] = {}
    unasked: dict[str, Text] = {}
    for name, result in remote.each(asked, work).items():
        try:
            found = json.loads(_answer(result))["found"]
            answers = zip(found, asked[name], strict=True)
            known[name] = [None if value is None else str(value) for value, _ in answers]
        except (ValueError, TypeError, KeyError) as error:
            unasked[name] = _no_answer((str(error).splitlines() or ["?"])[0])
    return known, unasked


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


def seen_from(remote: Remote, host: str) -> IPAddress | None:
    """The address that this machine's packets carry when they come to a host; None if unknown.

    It is another than the machine's own where addresses are translated on the way. The host's SSH
    server tells it (sshd(8), ``SSH_CONNECTION``).
    """
    result = remote.run(host, ["printenv", "SSH_CONNECTION"])
    try:
        return ip_address(_answer(result).split()[0])
    except (ValueError, IndexError):
        return None


def outside(
    hosts: Sequence[ManagedHost], vantage: Vantage, seen: IPAddress | None = None
) -> list[Trial]:
    """Try flows from this machine to hosts, at their floating and their inner addresses.

    ``seen`` is the address that hosts see it come from at floating ones (:func:`seen_from`).

    Nothing leads from here to inner addresses but a mistake, so only what is forbidden is tried
    there; at floating addresses all is. An address to which only the default route leads is some
    other network's as far as this machine knows: nothing is sent there, and nothing is proved.

    Silence proves nothing either where packets may never have got as far as the router. What shows
    that they do, and that answers come back, are answers to echo requests that go the same way: of
    the network's gateway, which is the router's inner address, or for a floating address of the
    router's outer one; or the answer of an allowed flow to the address itself.
    """
    flows: list[Flow] = []
    controls: dict[IPAddress, list[IPAddress]] = {}
    for host in hosts:
        if host.output.floating_ip is not None:
            floating = ip_address(host.output.floating_ip)
            own = vantage.own_address(floating)
            here = seen if seen is not None and seen.version == floating.version else own
            flows += _outside_flows(host, floating, here)
            controls[floating] = [a for a in vantage.routers if a.version == floating.version]
        for address, gateway in _inner(host):
            inner = _outside_flows(host, address, vantage.own_address(address))
            flows += [flow for flow in inner if not flow.allowed]
            controls[address] = [gateway]
    flows = thinned(flows, MOST_FLOWS_OUTSIDE)
    reached = {address: vantage.reaches(address) for address in {f.address for f in flows}}
    routed = [flow for flow in flows if reached[flow.address]]
    untried = [Trial(flow, UNTRIED, 0) for flow in flows if not reached[flow.address]]
    marks = {address: vantage.mark_for(address) for address in {f.address for f in routed}}
    asked = [[*one, marks[f.address]] for one, f in zip(_asked(routed), routed, strict=True)]
    answering = _answering({a for f in routed for a in controls[f.address]}, vantage)
    trials = _trials(routed, probe.run(asked))
    proved = {trial.flow.address for trial in trials if trial.state in OPEN}
    proved |= {address for address, ways in controls.items() if answering & set(ways)}
    return [
        trial if trial.flow.address in proved else _doubted(trial) for trial in trials
    ] + untried


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


def _inner(host: ManagedHost) -> list[tuple[IPAddress, IPAddress]]:
    """Addresses of a host in its network, each with its gateway."""
    network = next(one for one in host.environment.networks if one.zone == host.plan.zone)
    return [(host.plan.ipv4, network.gateway_ipv4), (host.plan.ipv6, network.gateway_ipv6)]


def _answering(addresses: Iterable[IPAddress], vantage: Vantage) -> set[IPAddress]:
    """Which of these addresses answer echo requests that go as packets to hosts go."""
    left = {address for address in addresses if vantage.reaches(address)}
    found: set[IPAddress] = set()
    for _ in range(ECHO_TRIES):
        ordered = sorted(left, key=str)
        echoes = [
            [one.version, str(Protocol.ICMP), str(one), 0, ECHO_PATIENCE, vantage.mark_for(one)]
            for one in ordered
        ]
        answers = probe.run(echoes) if echoes else []
        found |= {a for a, (state, _) in zip(ordered, answers, strict=True) if state == "open"}
        left -= found
    return found


def _doubted(trial: Trial) -> Trial:
    """A trial without proof of the way: its silence is not counted."""
    silent = trial.state == "silent" and not trial.flow.allowed
    return replace(trial, state=UNPROVED) if silent else trial


def _outside_flows(host: ManagedHost, address: IPAddress, here: IPAddress | None) -> list[Flow]:
    family = Family.IPV4 if address.version == 4 else Family.IPV6  # noqa: PLR2004
    return [
        Flow(
            HERE,
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
