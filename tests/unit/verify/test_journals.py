"""What the log host tells of itself, and what is made of its answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.inventory.fleet import Fleet
from hoaban.model.types import Text
from hoaban.remote import RemoteResult
from hoaban.testing import estate
from hoaban.verify.agents import journals as agent
from hoaban.verify.journals import Journals, journals

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.workspace import Workspace


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log host that two hosts were registered at, of which one has sent something."""
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "names").write_text("127.64.0.2 app-1\n127.64.0.3 app-2\n")
    (folder / "remote-127.64.0.2.journal").touch()
    rules = tmp_path / "rules.conf"
    rules.write_text(f"# made\ne {folder} - - - m:366day\nx {folder}/names\n")
    monkeypatch.setattr(agent, "RETENTION", str(rules))

    def said(*words: str) -> str:
        if words[0] == "systemd-analyze":
            assert words[2] == "366day"
            return "Original: 366day\n      μs: 31622400000000\n   Human: 1y 18h\n"
        assert words[1] == f"--file={folder}/remote-127.64.0.2.journal"
        return '{"__REALTIME_TIMESTAMP": "1790000000500000", "MESSAGE": "x"}\n'

    monkeypatch.setattr(agent, "said", said)
    return folder


def test_the_newest_of_each_host(keeper: Path) -> None:
    told = Journals.model_validate(agent.main({"names": ["app-1", "app-2", "app-3"]}))
    assert told.folder == str(keeper)
    assert told.kept_seconds == 366 * 86400
    assert told.newest == {"app-1": 1790000000.5, "app-2": None, "app-3": None}
    assert told.free_bytes > 0
    assert told.now > 1790000000


def test_a_journal_that_cannot_be_read(keeper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "said", lambda *_: "")
    told = agent.main({"names": ["app-1"]})
    assert told["newest"] == {"app-1": None}
    assert told["kept_seconds"] == 0


def test_rules_that_say_nothing_of_journals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules.conf").write_text("d /tmp 1777 root root 10d\n")
    monkeypatch.setattr(agent, "RETENTION", str(tmp_path / "rules.conf"))
    with pytest.raises(ValueError, match="says nothing of journals"):
        agent.main({"names": []})


def done(status: int, out: str, err: str) -> RemoteResult:
    return RemoteResult("backup-1", status, out, err, 0.1)


class Answering:
    """A way to hosts that gives one answer, and remembers who was asked."""

    def __init__(self, result: RemoteResult) -> None:
        self.result = result
        self.asked: list[tuple[str, Any]] = []

    def run(self, host: str, words: list[str], **_: Any) -> RemoteResult:
        self.asked.append((host, json.loads(words[-1])))
        return self.result


ANSWER = {"folder": "/srv", "kept_seconds": 1.0, "free_bytes": 2, "newest": {"a": None}, "now": 3.0}


def test_the_provinces_log_host_is_asked(provisioned: Workspace) -> None:
    fleet = Fleet.read(provisioned)
    remote: Any = Answering(done(0, json.dumps(ANSWER), ""))
    told = journals(remote, fleet, fleet.hosts_of("so-y-te"))
    assert isinstance(told, Journals)
    ((host, asked),) = remote.asked
    assert host == estate.BACKUP
    assert set(asked["names"]) == {one.name for one in fleet.hosts_of("so-y-te")}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (done(255, "", "x\nNo route to host"), "No route to host"),
        (done(1, "", ""), "status 1"),
        (done(0, "{}", ""), "validation errors"),
        (done(0, "sudo: no", ""), "validation error"),
    ],
)
def test_a_log_host_that_does_not_answer(
    provisioned: Workspace, result: RemoteResult, words: str
) -> None:
    remote: Any = Answering(result)
    told = journals(remote, Fleet.read(provisioned), [])
    assert isinstance(told, Text)
    assert words in told.en


def test_a_province_without_one(provisioned: Workspace) -> None:
    fleet = Fleet.read(provisioned)
    without = Fleet([state for state in fleet.states if state.outputs.environment.agency])
    remote: Any = Answering(done(0, "", ""))
    assert journals(remote, without, []) is None
    assert remote.asked == []
