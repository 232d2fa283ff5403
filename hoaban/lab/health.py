"""How the lab is: each service's own answer, asked through its API."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import Distribution
from typing import TYPE_CHECKING, Any

import requests
from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException

from hoaban.lab.client import connect
from hoaban.lab.hypervisor import COMPUTE, Hypervisor, chosen
from hoaban.lab.services import APIS, CINDER_WORKERS, NEUTRON_WORKERS, NOVA_WORKERS, Api, Worker
from hoaban.lab.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openstack.connection import Connection

    from hoaban.lab.layout import Layout

ANSWER_SECONDS = 20.0
"""A service that takes longer is down for those who use it."""

_FAILURES = (ClientException, SDKException, requests.RequestException, OSError)


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service's answer.

    ``latency`` is in seconds, absent for what was not asked itself; ``version`` is that of its
    package; ``problem`` says what is wrong, empty when nothing is.
    """

    name: str
    up: bool
    latency: float | None = None
    version: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LabStatus:
    """The whole lab at one moment. ``hypervisor`` is the one that takes servers."""

    root: str
    hypervisor: Hypervisor | None
    services: tuple[ServiceStatus, ...]

    @property
    def up(self) -> bool:
        """Whether every service is."""
        return all(service.up for service in self.services)

    def to_json(self) -> dict[str, Any]:
        """The same as one JSON object."""
        return {"up": self.up, **asdict(self)}


def examine(layout: Layout) -> LabStatus:
    """Ask every service of the lab, all at one time."""
    if not layout.clouds.is_file():
        rows = [ServiceStatus(api.name, up=False, problem="not installed") for api in APIS]
        return LabStatus(str(layout.root), None, tuple(rows))
    hypervisor = chosen(layout)
    started = _started(layout)
    cloud = connect(layout, timeout=ANSWER_SECONDS)
    jobs: list[Callable[[], Iterable[ServiceStatus]]] = [
        *(lambda api=api: [_ask(layout, cloud, api)] for api in APIS),
        lambda: _nova(layout, cloud, started, hypervisor),
        lambda: _neutron(layout, cloud),
        lambda: _cinder(layout, cloud, started),
    ]
    with ThreadPoolExecutor(len(jobs)) as pool:
        answers = [job.result() for job in [pool.submit(job) for job in jobs]]
    return LabStatus(str(layout.root), hypervisor, tuple(row for rows in answers for row in rows))


def _ask(layout: Layout, cloud: Connection, api: Api) -> ServiceStatus:
    version = _version(layout, api.distribution)
    start = time.monotonic()
    try:
        # The first call goes to the service alone, so that the blame falls on the right one.
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(api.url, timeout=ANSWER_SECONDS)
        if not answer.ok:
            problem = f"{api.url} answers with status {answer.status_code}"
            return ServiceStatus(api.name, up=False, version=version, problem=problem)
        api.ask(cloud)
    except _FAILURES as error:
        return ServiceStatus(api.name, up=False, version=version, problem=_first_line(error))
    return ServiceStatus(api.name, up=True, latency=time.monotonic() - start, version=version)


def _nova(
    layout: Layout, cloud: Connection, started: dict[str, float], hypervisor: Hypervisor | None
) -> list[ServiceStatus]:
    workers = list(NOVA_WORKERS)
    if hypervisor is not None:
        workers.append(Worker(hypervisor.program, COMPUTE, hypervisor.host, "nova"))
    try:
        found = {(row.binary, row.host): row for row in cloud.compute.services()}
    except _FAILURES as error:
        return _unknown(layout, workers, error)
    rows = []
    for worker in workers:
        row = found.get((worker.binary, worker.host))
        problem = _reports(row, started.get(worker.name))
        if not problem and row is not None and row.status != "enabled":
            problem = f"disabled: {row.disabled_reason}"
        rows.append(_worker(layout, worker, problem))
    return rows


def _cinder(layout: Layout, cloud: Connection, started: dict[str, float]) -> list[ServiceStatus]:
    try:
        found = {(row.binary, row.host): row for row in cloud.block_storage.services()}
    except _FAILURES as error:
        return _unknown(layout, CINDER_WORKERS, error)
    return [
        _worker(
            layout,
            worker,
            _reports(found.get((worker.binary, worker.host)), started.get(worker.name)),
        )
        for worker in CINDER_WORKERS
    ]


def _neutron(layout: Layout, cloud: Connection) -> list[ServiceStatus]:
    try:
        found = {(row.binary, row.host): row for row in cloud.network.agents()}
    except _FAILURES as error:
        return _unknown(layout, NEUTRON_WORKERS, error)
    rows = []
    for worker in NEUTRON_WORKERS:
        agent = found.get((worker.binary, worker.host))
        problem = "" if agent and agent.is_alive else "no sign of life"
        rows.append(_worker(layout, worker, problem))
    return rows


def _reports(row: Any, started: float | None) -> str:
    """What is wrong with a worker that its API lists as ``row``; empty when nothing is.

    Its API believes in it for a minute after its last report. A report that is older than its
    process is one of a predecessor, and says nothing.
    """
    if row is None:
        return "never reported"
    if started is None:
        return "does not run"
    if row.state != "up":
        return f"last report at {row.updated_at} UTC"
    reported = datetime.fromisoformat(row.updated_at).replace(tzinfo=UTC).timestamp()
    return "" if reported >= int(started) else "starting: no report yet"


def _worker(layout: Layout, worker: Worker, problem: str) -> ServiceStatus:
    version = _version(layout, worker.distribution)
    return ServiceStatus(worker.name, up=not problem, version=version, problem=problem)


def _unknown(layout: Layout, workers: Iterable[Worker], error: Exception) -> list[ServiceStatus]:
    return [_worker(layout, worker, f"unknown: {_first_line(error)}") for worker in workers]


def _started(layout: Layout) -> dict[str, float]:
    """Start of each running program, in seconds of the epoch."""
    supervisor = Supervisor(layout)
    if not supervisor.alive():
        return {}
    running = {"RUNNING", "STARTING"}
    return {
        name: float(info["start"])
        for name, info in supervisor.processes().items()
        if info["statename"] in running
    }


def _version(layout: Layout, distribution: str) -> str:
    if not distribution:
        return ""
    folders = [str(path) for path in layout.venv.glob("lib/python3*/site-packages")]
    found = next(iter(Distribution.discover(name=distribution, path=folders)), None)
    return found.version if found else ""


def _first_line(error: Exception) -> str:
    """What to show of an exception in one line of a table."""
    text = str(error).strip() or type(error).__name__
    cause = error.__cause__ or error.__context__
    if isinstance(error, requests.ConnectionError) or "Unable to establish" in text:
        return "nobody answers" if cause is None or "refused" in text else text.splitlines()[0]
    return text.splitlines()[0]
