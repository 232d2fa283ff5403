"""The stack of a drill: whose it is, what it stands in the way of, and how it is cleared away."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from hoaban.backup.scratch import ScratchStage
from hoaban.console import Steps
from hoaban.converge.console import CloudConsole
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.errors import HoabanError
from hoaban.provision import Consent, operations
from hoaban.provision.secrets import passphrase_file
from hoaban.provision.target import DrillTarget
from tests.cloud.province import AGENCY
from tests.unit.provision.fakes import FakeEngine
from tests.unit.provision.states import SERVER, resource, write_state

if TYPE_CHECKING:
    from tests.cloud.province import SmallProvince

HOST = f"{AGENCY}-portal-data-1"
MADE = resource(SERVER, "scratch")


@pytest.fixture
def drill(small: SmallProvince) -> DrillTarget:
    agency = small.target()
    return DrillTarget(agency.workspace, agency.province, AGENCY, HOST)


def stage(drill: DrillTarget, engine: FakeEngine) -> ScratchStage:
    console = CloudConsole(drill.province.spec.cloud, drill.workspace.inventory)
    return ScratchStage(drill, engine, console, Steps(quiet=True))


def test_it_is_a_stack_of_its_own_named_after_its_agency(drill: DrillTarget) -> None:
    assert drill.name == f"drill/{AGENCY}"
    assert drill.config == {"drill:host": HOST}
    assert [host.name for host in drill.plan.hosts] == [f"{AGENCY}-drill"]
    assert drill.dependents() == []


def test_the_foundation_stays_while_a_drill_of_its_own_host_stands(small: SmallProvince) -> None:
    foundation = small.target(None)
    drill = DrillTarget(foundation.workspace, foundation.province, "province", "backup-1")
    assert drill.name == "drill/province"
    write_state(drill, MADE)
    with pytest.raises(HoabanError, match="in the networks of the foundation") as told:
        operations.destroy(
            foundation, FakeEngine(), lambda _: None, consent=Consent(delete_data=True)
        )
    assert told.value.mend == "if no drill is under way: hoaban backup drill province --clean"


def test_its_agency_stays_while_it_stands(small: SmallProvince, drill: DrillTarget) -> None:
    assert small.target().dependents() == []
    write_state(drill, MADE)
    assert [one.name for one in small.target().dependents()] == [drill.name]
    engine = FakeEngine()
    with pytest.raises(HoabanError, match="scratch server of a restore drill") as told:
        operations.destroy(
            small.target(), engine, lambda _: None, consent=Consent(delete_data=True)
        )
    assert told.value.mend == f"if no drill is under way: hoaban backup drill {AGENCY} --clean"
    assert engine.calls == []


def test_there_is_nothing_to_clear_where_none_was_made(drill: DrillTarget) -> None:
    engine = FakeEngine()
    assert stage(drill, engine).clear() is False
    assert engine.calls == []


def test_what_a_drill_left_is_cleared_away_without_asking(
    drill: DrillTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "reach", lambda _: None)
    passphrase_file(drill.workspace)
    write_state(drill, MADE)
    engine = FakeEngine()
    assert stage(drill, engine).clear() is True
    assert [verb for verb, _ in engine.calls] == ["destroy"]


def test_the_program_is_told_whose_backup_is_tried(
    drill: DrillTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "preflight", lambda *_, **__: [])
    engine = FakeEngine()
    stage(drill, engine).build()
    assert [verb for verb, _ in engine.calls] == ["preview", "up"]
    assert all(config["drill:host"] == HOST for config in engine.configs)


@pytest.mark.parametrize("alive", [False, True])
def test_only_the_lock_of_a_dead_drill_is_released(drill: DrillTarget, alive: bool) -> None:
    backend = Backend(drill.workspace.backend)
    folder = backend.storage.path(backend.locks_prefix(StackName(drill.project, drill.stack_name)))
    folder.mkdir(parents=True)
    pid = os.getpid() if alive else 2**22 + 1  # more than any process has (proc(5), pid_max)
    holder = {"pid": pid, "username": "lan", "hostname": socket.gethostname(), "timestamp": "now"}
    (folder / "one.json").write_text(json.dumps(holder))
    stage(drill, FakeEngine()).clear()
    assert (folder / "one.json").exists() is alive


def test_the_way_out_of_its_lock_is_its_own_verb() -> None:
    name = StackName("drill", AGENCY)
    assert name.command("cancel") == f"hoaban backup drill {AGENCY} --clean"
    assert StackName("agency", AGENCY).command("cancel") == f"hoaban cancel {AGENCY}"
