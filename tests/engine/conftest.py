"""Stacks to run: a folder with a program, a backend, a cloud in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.api import Options, Stack, UpdateResult
from hoaban.engine.embedded import EmbeddedEngine, secrets
from hoaban.engine.storage import s3
from hoaban.engine.storage.bucket import bucket_of
from hoaban.engine.storage.s3place import S3Place
from tests.engine import s3server
from tests.engine.fake_provider import FakeCloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pulumi.automation.events import EngineEvent

    from hoaban.engine.values import Secret

PASSPHRASE = "mật khẩu thử"
PRELUDE = """
import pulumi
from pulumi import ResourceOptions as Opts, Output, export


class Thing(pulumi.CustomResource):
    address: Output[str]

    def __init__(self, name, opts=None, type_="fake:index:Thing", **props):
        props.setdefault("address", None)
        super().__init__(type_, name, props, opts)


class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None, **props):
        super().__init__("fake:index:Group", name, props, opts)
"""


@dataclass
class Lab:
    """One stack, and all that is needed to run operations on it."""

    folder: Path
    cloud: FakeCloud
    project: str = "shop"
    stack_name: str = "dev"
    config: Mapping[str, str | Secret] = field(default_factory=dict)
    events: list[EngineEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.program_folder = self.folder / self.project
        self.program_folder.mkdir(parents=True, exist_ok=True)
        (self.program_folder / "Pulumi.yaml").write_text(
            f"name: {self.project}\nruntime: python\n", encoding="utf-8"
        )
        self.passphrase_file = self.folder / "passphrase"
        self.passphrase_file.write_text(PASSPHRASE + "\n", encoding="utf-8")
        self.passphrase_file.chmod(0o600)
        self.engine = EmbeddedEngine(self.cloud.provider)

    def program(self, text: str) -> None:
        body = PRELUDE + textwrap.dedent(text)
        (self.program_folder / "__main__.py").write_text(body, encoding="utf-8")

    @property
    def stack(self) -> Stack:
        return Stack(
            program=self.program_folder,
            name=self.stack_name,
            backend=self.folder / "backend",
            config_file=self.folder / f"Pulumi.{self.project}.{self.stack_name}.yaml",
            passphrase_file=self.passphrase_file,
            config=self.config,
        )

    def run(self, verb: str, program: str | None = None, **options: Any) -> UpdateResult:
        if program is not None:
            self.program(program)
        self.events.clear()
        operation = getattr(self.engine, verb)
        result: UpdateResult = operation(self.stack, Options(**options), self.events.append)
        return result

    def up(self, program: str | None = None, **options: Any) -> UpdateResult:
        return self.run("up", program, **options)

    def preview(self, program: str | None = None, **options: Any) -> UpdateResult:
        return self.run("preview", program, **options)

    @property
    def checkpoint_file(self) -> Path:
        return self.folder / "backend/.pulumi/stacks" / self.project / f"{self.stack_name}.json"

    @property
    def checkpoint(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.checkpoint_file.read_text(encoding="utf-8"))
        return body

    def resources(self) -> dict[str, dict[str, Any]]:
        """Resources in the state by name; those that wait to be deleted as ``name!``."""
        found = self.checkpoint["checkpoint"]["latest"].get("resources", [])
        return {
            one["urn"].rpartition("::")[2] + ("!" if one.get("delete") else ""): one
            for one in found
        }

    def messages(self, severity: str = "") -> list[str]:
        told = [one.diagnostic_event for one in self.events if one.diagnostic_event]
        return [one.message for one in told if severity in ("", one.severity)]


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key takes a third of a second on purpose, and a test makes many."""
    monkeypatch.setattr(secrets, "PBKDF2_COUNT", 1000)
    secrets._derive.cache_clear()


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a thousand synced writes take their time on a disk."""
    shared = Path("/dev/shm")  # noqa: S108
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared, prefix="hoaban-test-") as folder:
        yield Path(folder)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path, FakeCloud())


@pytest.fixture(scope="session")
def s3_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Addresses of S3 servers by their kind (see ``s3server``), which run when they are needed."""
    running: dict[str, tuple[subprocess.Popen[bytes], str]] = {}

    def address(kind: str) -> str:
        if kind not in running:
            file = tmp_path_factory.mktemp("s3") / "address"
            command = [sys.executable, "-m", "tests.engine.s3server", str(file), kind]
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            until = time.monotonic() + 60
            while not file.exists():
                assert process.poll() is None, "the S3 server ended"
                assert time.monotonic() < until, "the S3 server does not answer"
                time.sleep(0.05)
            running[kind] = process, file.read_text()
        return running[kind][1]

    yield address
    for process, _ in running.values():
        process.terminate()
        process.wait()


@pytest.fixture
def s3_place(
    s3_servers: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """URLs of new places in a bucket of an S3 server of a kind."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3server.KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mật khẩu")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def place(kind: str) -> str:
        url = f"s3://kho/{uuid.uuid4()}?endpoint={s3_servers(kind)}&disableSSL=true"
        url += "&s3ForcePathStyle=true&region=us-east-1"
        bucket_of(S3Place.parse(url)).client.create_bucket(Bucket="kho")
        return url

    return place


@pytest.fixture(params=["folder", "s3", "s3 like Swift"])
def place(
    request: pytest.FixtureRequest,
    memory_path: Path,
    s3_place: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Path | str:
    """A new place for state, of each kind that there is."""
    if request.param == "folder":
        return memory_path
    if request.param == "s3":
        return s3_place("whole")
    # A create of this server takes 0.2 s, not seconds.
    monkeypatch.setattr(s3, "_SETTLE_SECONDS", 0.6)
    return s3_place("swift")
