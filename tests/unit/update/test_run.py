"""Waves, one after the other, up to the first that is not well; and on from there."""

from __future__ import annotations

import fcntl
import json
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner

from hoaban.cli import app
from hoaban.console import stderr, stdout
from hoaban.errors import HoabanError
from hoaban.testing import estate
from hoaban.testing.exported import write_checkpoint
from hoaban.update import journal as journals
from hoaban.update import run
from hoaban.update.journal import State
from hoaban.update.show import failure
from tests.unit.update.conftest import NANO

if TYPE_CHECKING:
    from hoaban.update.journal import Journal
    from tests.unit.converge.conftest import QuietSteps
    from tests.unit.update.conftest import Hosts

AGENCY = "so-y-te"
WEB1, WEB2 = (f"{AGENCY}-portal-web-{number}" for number in (1, 2))
APP, DATA = f"{AGENCY}-portal-app-1", f"{AGENCY}-portal-data-1"


def update(table: Hosts, steps: QuietSteps, **wanted: Any) -> Journal:
    asked = run.Wanted([AGENCY], **wanted)
    return run.update(table.workspace, asked, Mock(), steps)


def resume(hosts: Hosts, steps: QuietSteps) -> Journal:
    hosts.log.clear()
    return run.resume(hosts.workspace, Mock(), steps)


def test_waves_are_looked_at_before_and_after(hosts: Hosts, steps: QuietSteps) -> None:
    journal = update(hosts, steps, serial="9", security=True)
    rest = f"{WEB2} {APP} {DATA}"
    assert hosts.doings == [
        f"look {WEB1}", f"upgrade {WEB1} --security", f"look {WEB1}",
        f"look {rest}", f"upgrade {rest} --security", f"look {rest}",
    ]  # fmt: skip
    assert failure(journal) is None
    assert journal.ended is not None
    assert {name: host.changes for name, host in journal.hosts.items()} == {
        name: [NANO] for name in (WEB1, WEB2, APP, DATA)
    }
    assert steps.told[f"Wave 1 of 2: {WEB1}"] == "done: 1 packages"


def test_who_lacks_nothing_is_not_looked_at_again(hosts: Hosts, steps: QuietSteps) -> None:
    hosts.up_to_date = {WEB1}
    update(hosts, steps, hosts=[WEB1])
    assert hosts.doings == [f"look {WEB1}", f"upgrade {WEB1}"]


def test_it_stops_at_the_first_wave_that_fell_ill_and_goes_on_there(
    hosts: Hosts, steps: QuietSteps
) -> None:
    hosts.ill = {WEB2: ["nginx.service has failed"]}
    journal = update(hosts, steps, serial="2")
    error = failure(journal)
    assert error is not None
    assert error.what == f"the update stopped at wave 2 of 3: {WEB2}: nginx.service has failed"
    assert f"mend {WEB2}, {APP}, then: hoaban update --resume; 1 hosts" in str(error.mend)
    assert not any(DATA in entry for entry in hosts.log), "the next wave was left as it is"
    assert [wave.state for wave in journal.waves] == [State.DONE, State.FAILED, State.WAITING]

    hosts.ill = {}
    journal = resume(hosts, steps)
    assert not any(WEB1 in entry for entry in hosts.log), "what is done stays done"
    assert [entry for entry in hosts.doings if entry.startswith("upgrade ")] == [
        f"upgrade {WEB2} {APP}",
        f"upgrade {DATA}",
    ]
    assert failure(journal) is None
    assert len(journal.hosts) == 4
    with pytest.raises(HoabanError, match="came to its end"):
        resume(hosts, steps)


def test_a_host_that_settles_is_well(
    hosts: Hosts, steps: QuietSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts.ill = {WEB1: ["a flow is dropped"]}
    monkeypatch.setattr(run.time, "sleep", lambda _: hosts.ill.clear())
    journal = update(hosts, steps, hosts=[WEB1])
    assert failure(journal) is None
    assert hosts.doings == [f"look {WEB1}", f"upgrade {WEB1}", f"look {WEB1}", f"look {WEB1}"]


def test_a_host_that_is_ill_before_is_not_touched(hosts: Hosts, steps: QuietSteps) -> None:
    hosts.ill = {WEB1: ["!no answer"]}
    journal = update(hosts, steps)
    assert hosts.doings == [f"look {WEB1}"]
    assert journal.waves[0].problems == [f"before its update: {WEB1}: no answer"]


def test_a_failed_upgrade_ends_it_before_a_reboot(hosts: Hosts, steps: QuietSteps) -> None:
    hosts.broken = {WEB1: "dpkg was interrupted"}
    hosts.want_reboot = {WEB1}
    journal = update(hosts, steps)
    assert journal.waves[0].problems == [f"{WEB1}: dpkg was interrupted"]
    assert not any(entry.startswith("reboot") for entry in hosts.log)


def test_who_wants_a_reboot_gets_it_unless_told_otherwise(hosts: Hosts, steps: QuietSteps) -> None:
    hosts.want_reboot = {WEB1}
    journal = update(hosts, steps, hosts=[WEB1, APP])
    assert [entry for entry in hosts.log if entry.startswith("reboot")] == [f"reboot {WEB1}"]
    assert hosts.log.index(f"reboot {WEB1}") < len(hosts.log) - 1
    assert (journal.hosts[WEB1].rebooted, journal.hosts[APP].rebooted) == (True, False)
    hosts.log.clear()
    journal = update(hosts, steps, hosts=[WEB1], reboot=False)
    assert not any(entry.startswith("reboot") for entry in hosts.log)
    assert journal.hosts[WEB1].reboot_due


def test_a_host_that_does_not_come_back_stops_it(hosts: Hosts, steps: QuietSteps) -> None:
    hosts.want_reboot, hosts.lost = {WEB1}, {WEB1}
    journal = update(hosts, steps)
    assert journal.waves[0].problems == [f"{WEB1}: does not answer"]
    assert not journal.hosts[WEB1].rebooted
    assert [wave.state for wave in journal.waves[1:]] == [State.WAITING] * (len(journal.waves) - 1)


def test_snapshots_come_before_the_upgrade(hosts: Hosts, steps: QuietSteps) -> None:
    journal = update(hosts, steps, hosts=[DATA], snapshot=True)
    assert hosts.doings[1:3] == [f"snapshot {DATA}", f"upgrade {DATA}"]
    assert journal.hosts[DATA].snapshot == f"id-of-{DATA}"
    hosts.log.clear()
    hosts.unkept = {DATA}
    journal = update(hosts, steps, hosts=[DATA], snapshot=True)
    assert hosts.doings == [f"look {DATA}", f"snapshot {DATA}"]
    assert journal.waves[0].problems == [f"{DATA}: no snapshot: the backup host does not answer"]


def test_data_of_which_no_backup_was_promised(
    hosts: Hosts, steps: QuietSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run.snapshots, "client_of", lambda host: host.environment.agency)
    wanted = run.Wanted([None, AGENCY], snapshot=True)
    with pytest.raises(HoabanError, match=f"{estate.BACKUP} holds data of which no backup was"):
        run.update(hosts.workspace, wanted, Mock(), steps)
    assert hosts.log == []


def test_without_a_mirror_there_is_nowhere_to_get_updates_from(
    hosts: Hosts, steps: QuietSteps
) -> None:
    write_checkpoint(hosts.workspace.backend, "province", "sonla", estate.province())
    with pytest.raises(HoabanError, match="has named no mirror"):
        update(hosts, steps)


def test_an_update_that_died_is_gone_on_with(
    hosts: Hosts, steps: QuietSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "upgrade", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        update(hosts, steps)
    (file,) = journals.folder(hosts.workspace).glob("*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["waves"][0]["state"] == "running"
    monkeypatch.setattr(run, "upgrade", hosts.upgrade)
    assert failure(resume(hosts, steps)) is None


def test_every_stack_has_its_keys_pinned(
    hosts: Hosts, steps: QuietSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = Mock(return_value=Mock(replaced=[]))
    monkeypatch.setattr(run, "pin", pinned)
    journal = run.update(hosts.workspace, run.Wanted([None, AGENCY]), Mock(), steps)
    assert list(pinned.call_args.args[2]) == [AGENCY]
    assert [wave.hosts for wave in journal.waves][-2:] == [[estate.BACKUP], [estate.BASTION]]


def test_one_at_a_time(hosts: Hosts, steps: QuietSteps) -> None:
    folder = journals.folder(hosts.workspace)
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(HoabanError, match="another update of this workspace"):
            update(hosts, steps)


def test_nothing_to_go_on_with(hosts: Hosts, steps: QuietSteps) -> None:
    with pytest.raises(HoabanError, match="no update to go on with"):
        resume(hosts, steps)
    folder = journals.folder(hosts.workspace)
    folder.mkdir(parents=True)
    (folder / "2026.json").write_text('{"id": 5}')
    with pytest.raises(HoabanError, match="cannot be read"):
        resume(hosts, steps)


@pytest.fixture
def verb(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HOABAN_ROOT", str(hosts.workspace.root))
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    monkeypatch.setattr("hoaban.model.load", Mock())
    monkeypatch.setattr("hoaban.cli.update.CloudConsole", Mock())

    def call(*words: str) -> Any:
        stdout.cache_clear()
        stderr.cache_clear()
        return CliRunner().invoke(app, ["update", *words])

    yield call
    stdout.cache_clear()
    stderr.cache_clear()


def test_the_verb_tells_what_would_change(hosts: Hosts, verb: Any) -> None:
    result = verb(AGENCY, "--check", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["hosts"][WEB1]["changes"] == [NANO.model_dump()]
    assert hosts.doings == ["wait", f"upgrade {WEB1} {WEB2} {APP} {DATA} --check"]
    assert not list(journals.folder(hosts.workspace).glob("*.json"))
    table = verb(AGENCY, "--check").stdout
    assert [line.split() for line in table.splitlines()][1] == [WEB1, "nano", NANO.old, NANO.new]


def test_the_verbs_exit_status_tells_of_a_wave_that_failed(hosts: Hosts, verb: Any) -> None:
    hosts.ill = {WEB1: ["a unit has failed"]}
    result = verb(AGENCY, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["errors"][0]["what"].endswith(f"{WEB1}: a unit has failed")
    hosts.ill = {}
    result = verb("--resume")
    assert result.exit_code == 0, result.output
    assert "packages on 4 hosts, 4 of 4 waves done" in result.stdout


@pytest.mark.parametrize("words", [("--resume", AGENCY), ("--resume", "--security")])
def test_going_on_is_with_what_was_asked_for_then(verb: Any, words: tuple[str, ...]) -> None:
    result = verb(*words)
    assert "goes on with what was asked for then" in str(result.exception)
