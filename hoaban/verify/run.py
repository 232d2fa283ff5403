"""Verifies one environment: measures, then lets every check judge."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from hoaban import __version__
from hoaban.backup.lending import CloudLending
from hoaban.backup.stream import RemoteHosts
from hoaban.backup.watch import watch
from hoaban.controls import waivers
from hoaban.converge.run import prepare
from hoaban.errors import HoabanError, Location
from hoaban.files import write_atomic
from hoaban.inventory.fleet import Fleet
from hoaban.inventory.sshconfig import private_key
from hoaban.model import load
from hoaban.verify import gather
from hoaban.verify.checks import CHECKS
from hoaban.verify.journals import journals
from hoaban.verify.model import Measured, StackMark, VerifyReport
from hoaban.verify.routes import Vantage
from hoaban.verify.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hoaban.console import Steps
    from hoaban.converge.console import Console
    from hoaban.inventory.fleet import ManagedHost
    from hoaban.inventory.state import StackState
    from hoaban.remote import Remote
    from hoaban.workspace import Workspace

STRANGERS: Final = 2
"""Hosts of other agencies that flows are tried to and from."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Who takes part: the environment's own hosts, and neighbours to try flows with."""

    own: list[ManagedHost]
    neighbours: list[ManagedHost]


def verify(
    workspace: Workspace, agency: str | None, console: Console, steps: Steps
) -> VerifyReport:
    """Check what was promised of an agency's hosts, or (None) of the province's own.

    The report is also kept in the workspace (:func:`kept`). A host that does not answer is a
    failed check, not an error.
    """
    clock, started = time.monotonic(), datetime.now(UTC)
    fleet = Fleet.read(workspace)
    state = fleet.state_of(agency)
    door = prepare(workspace, fleet, agency, console, steps)
    within = scope(workspace, fleet, agency)
    scene = measure(fleet, agency, within, door.remote, steps)
    with steps.step("Backups"):
        answering = [host for host in scene.hosts if host.name in scene.facts]
        backups = watch(workspace, fleet, RemoteHosts(door.remote), answering)
        attached, unasked = offline_attachments(workspace, within.own)
        backups = replace(backups, attached=attached, unasked=unasked)
    scene = replace(
        scene,
        backups=backups,
        deploy_key=deploy_key(workspace),
        waivers=waivers.read(workspace.inventory),
        today=datetime.now(ZoneInfo(scene.settings.timezone if scene.settings else "UTC")).date(),
    )
    report = VerifyReport(
        province=state.outputs.environment.province,
        agency=agency,
        name=state.outputs.environment.name,
        stack=mark(state),
        toolkit=__version__,
        started=started,
        seconds=round(time.monotonic() - clock, 1),
        hosts={
            name: Measured.model_validate(
                facts.system.model_dump(include=set(Measured.model_fields))
            )
            for name, facts in scene.facts.items()
        },
        checks=[check().report(scene) for check in CHECKS],
    )
    write_atomic(
        report_file(workspace, agency), report.model_dump_json(indent=2) + "\n", mode=0o600
    )
    return report


def offline_attachments(
    workspace: Workspace, hosts: Sequence[ManagedHost]
) -> tuple[dict[str, list[str]], str]:
    """Servers that have the volumes of third copies, by volume; why the cloud does not tell."""
    found: dict[str, list[str]] = {}
    try:
        for host in hosts:
            if host.output.offline_ids:
                lending = CloudLending.of(
                    host, load(workspace.inventory).spec.cloud, workspace.inventory
                )
                found |= {one: lending.servers(one) for one in host.output.offline_ids.values()}
    except HoabanError as error:
        return found, error.what
    return found, ""


def measure(fleet: Fleet, agency: str | None, within: Scope, remote: Remote, steps: Steps) -> Scene:
    """Take all measurements, each a step."""
    settings = fleet.settings_of(fleet.state_of(agency))
    own = within.own
    with steps.step(f"Facts of {len(own)} hosts"):
        facts, silent, clocks = gather.facts(remote, own, settings)
    answering = [host for host in own if host.name in facts]
    everyone = [*own, *within.neighbours]
    routes = gather.routes_between(answering, everyone)
    routes |= gather.routes_between(within.neighbours, own)
    routes = {name: flows for name, flows in routes.items() if flows}
    with steps.step("Controls"):
        controls, unasked = gather.controls(remote, answering)
    with steps.step(f"{sum(map(len, routes.values()))} flows between {len(everyone)} hosts"):
        inside, mute = gather.inside(remote, routes)
    with steps.step("Flows from outside"), Vantage(fleet.router_addresses) as vantage:
        seen = gather.seen_from(remote, fleet.bastion.name) if fleet.bastion else None
        outside = gather.outside(own, vantage, seen)
    with steps.step("Journals at the log host"):
        kept = journals(remote, fleet, answering)
    with steps.step("Logins that must be refused"):
        attempts = gather.attempts(remote, answering)
    return Scene(
        fleet=fleet,
        agency=agency,
        hosts=own,
        unbuilt=fleet.unbuilt(agency),
        settings=settings,
        facts=facts,
        silent=silent,
        inside=inside,
        mute=mute,
        outside=outside,
        attempts=attempts,
        clock=clocks,
        journals=kept,
        controls=controls,
        unasked=unasked,
    )


def scope(workspace: Workspace, fleet: Fleet, agency: str | None) -> Scope:
    """The hosts of a stack, and as neighbours the province's and a few of other agencies.

    The others are those whose agencies come next in the alphabet, so that verifying all agencies
    tries many pairs. Only hosts whose keys are pinned can be asked.
    """
    strangers: list[ManagedHost] = []
    slugs = [state.outputs.environment.agency for state in fleet.states if not state.drill]
    place = slugs.index(agency)
    for slug in [*slugs[place + 1 :], *slugs[:place]]:
        hosts = fleet.hosts_of(slug) if slug is not None else []
        pinned = slug is not None and (workspace.known_hosts / fleet.state_of(slug).key).is_file()
        if hosts and pinned and len(strangers) < STRANGERS:
            strangers.append(hosts[0])
    foundation = fleet.hosts_of(None) if agency is not None and fleet.province else []
    return Scope(own=fleet.hosts_of(agency), neighbours=[*foundation, *strangers])


def deploy_key(workspace: Workspace) -> str | None:
    """Kind and body of the public key that opens the deploy account; None when there is no file."""
    try:
        line = private_key(workspace).with_suffix(".pub").read_text(encoding="utf-8")
    except OSError:
        return None
    return " ".join(line.split()[:2]) or None


def mark(state: StackState) -> StackMark:
    """Which state a report is about."""
    return StackMark(
        project=state.project,
        stack=state.stack,
        version=state.version,
        digest=state.digest,
        updated=state.updated,
    )


def report_folder(workspace: Workspace, agency: str | None) -> Path:
    """Folder of an environment's reports."""
    return workspace.reports / (agency if agency is not None else "province")


def report_file(workspace: Workspace, agency: str | None) -> Path:
    """File of the latest verification."""
    return report_folder(workspace, agency) / "verify.json"


def kept(workspace: Workspace, agency: str | None) -> VerifyReport:
    """The latest verification; an error when there is none."""
    file = report_file(workspace, agency)
    command = f"hoaban verify {agency or ''}".rstrip()
    try:
        return VerifyReport.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise HoabanError(
            f"{agency or 'the province'} has not been verified yet", mend=command
        ) from None
    except ValidationError as error:
        raise HoabanError(
            "the kept verification cannot be read",
            where=Location(file=str(file)),
            mend=f"verify again: {command}",
        ) from error
