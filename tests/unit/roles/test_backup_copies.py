"""What the backup host copies elsewhere, and gets back; what its unit runs."""

from __future__ import annotations

import importlib.util
import json
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

FILES = Path(__file__).resolve().parents[3] / "roles/backup_host/files"
sys.path.insert(0, str(FILES))
SPEC = importlib.util.spec_from_file_location("hoaban_backup_host", FILES / "hoaban_backup_host.py")
assert SPEC is not None
assert SPEC.loader is not None
program = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(program)
copies = program.copies

CLIENT = {"name": "so-y-te", "keep": {}, "rpo_hours": 4}
PLACE = {
    "name": "standby",
    "repository": "rest:https://10.0.0.2:8000/backup-1/",
    "hours": 48,
    "keep": {"daily": 7, "weekly": 4, "monthly": 12},
}
TIME = "2026-03-18T12:00:00.123456789+07:00"


def snapshot(name: str, original: str | None = None) -> dict[str, Any]:
    return {"id": name, "time": TIME, "paths": ["/srv"]} | (
        {"original": original} if original else {}
    )


class Source(program.Repository):  # type: ignore[misc, name-defined]
    """A client's repository whose restic says what it is told to."""

    def __init__(
        self, *kept: dict[str, Any], old: tuple[dict[str, Any], ...] = (), name: str = "so-y-te"
    ) -> None:
        super().__init__(name, {"store": "/store"}, Path("/keys"))
        self.kept, self.old = list(kept), list(old)

    def restic(self, *arguments: str) -> str:
        assert arguments[:2] == ("forget", "--dry-run"), "nothing is ever taken from the source"
        return json.dumps([{"keep": self.kept, "remove": self.old or None}])

    def snapshots(self) -> list[dict[str, Any]]:
        return [*self.kept, *self.old]


class Far:
    """A repository elsewhere: who opens it, what it has, and what was asked of it."""

    def __init__(
        self, *there: dict[str, Any], keys: tuple[str, ...] | None = ("own", "keeper")
    ) -> None:
        self.there, self.keys = list(there), list(keys) if keys is not None else None
        self.calls: list[tuple[str, ...]] = []
        self.environments: list[dict[str, str]] = []
        self.fails: dict[str, Exception] = {}

    def run(self, environment: dict[str, str], *arguments: str) -> str:
        self.calls.append(arguments)
        self.environments.append(environment)
        if arguments[0] in self.fails:
            raise self.fails[arguments[0]]
        password = Path(environment["RESTIC_PASSWORD_FILE"]).read_text()
        if arguments[0] == "init":
            self.keys = [password]
            return ""
        if self.keys is None:
            raise program.Fault("no repository", copies.NO_REPOSITORY)
        if password not in self.keys:
            raise program.Fault("wrong password", copies.WRONG_PASSWORD)
        if arguments[:2] == ("key", "add"):
            self.keys.append(Path(arguments[-1].partition("=")[2]).read_text())
        if arguments[0] == "copy":
            self.there += [snapshot(f"copy of {name}", name) for name in arguments[3:]]
        return json.dumps(self.there) if arguments[0] == "snapshots" else ""

    def verbs(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(copies, "FOLDER", tmp_path / "copies")
    return tmp_path / "copies"


@pytest.fixture
def place(tmp_path: Path) -> Any:
    """The standby, with what systemd hands over."""
    handed = tmp_path / "handed"
    handed.mkdir()
    for name, content in (
        ("copies_standby_password", "own"),
        ("copies_standby_key", "keeper"),
        ("copies_standby_server.crt", "-----BEGIN…"),
        ("account_standby", "# account\nRESTIC_REST_USERNAME=backup-1\nRESTIC_REST_PASSWORD=pw\n"),
    ):
        (handed / name).write_text(content)
    return copies.Place(PLACE, handed)


def use(monkeypatch: pytest.MonkeyPatch, far: Far) -> Far:
    monkeypatch.setattr(copies, "run_restic", far.run)
    return far


def copy(place: Any, source: Source) -> dict[str, Any]:
    """One run, with its state written as the unit does."""
    done: dict[str, Any] = copies.copy_one(source, CLIENT, place)
    program.write_json(place.state_file("so-y-te"), done)
    return done


def test_a_copy_is_made_and_the_other_host_let_in(
    place: Any, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = use(monkeypatch, Far(keys=None))
    done = copy(place, Source(snapshot("a"), snapshot("b"), old=(snapshot("c"),)))
    assert (done["outcome"], done["added"], done["snapshots"], done["late"]) == (
        "done", 2, 2, False,
    )  # fmt: skip
    assert far.keys == ["own", "keeper"]
    [init] = [call for call in far.calls if call[0] == "init"]
    assert "--copy-chunker-params" in init
    [copied] = [call for call in far.calls if call[0] == "copy"]
    assert copied[-2:] == ("a", "b"), "what the place would forget at once is not sent"
    environment = far.environments[0]
    assert environment["RESTIC_REPOSITORY"] == "rest:https://10.0.0.2:8000/backup-1/so-y-te/"
    assert (environment["RESTIC_REST_USERNAME"], environment["RESTIC_REST_PASSWORD"]) == (
        "backup-1", "pw",
    )  # fmt: skip
    assert environment["RESTIC_CACERT"].endswith("copies_standby_server.crt")
    assert not [word for call in far.calls for word in call if word in ("own", "keeper", "pw")]
    assert done["newest"] == "2026-03-18T05:00:00+00:00"

    far.calls.clear()
    again = copy(place, Source(snapshot("a"), snapshot("b")))
    assert (again["added"], far.verbs()) == (0, ["snapshots"])
    assert state.joinpath("standby/so-y-te.json").is_file()


def test_a_host_that_was_built_anew_is_let_in_by_the_key_of_the_place(
    place: Any, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = use(monkeypatch, Far(snapshot("x", "a"), keys=("of the host before", "keeper")))
    done = copy(place, Source(snapshot("a")))
    assert (done["outcome"], done["added"]) == ("done", 0)
    assert far.keys == ["of the host before", "keeper", "own"]
    assert state.is_dir()


def test_a_repository_that_nobody_here_opens_fails(
    place: Any, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Far(keys=("unknown",)))
    done = copy(place, Source(snapshot("a")))
    assert (done["outcome"], done["error"], done["copied"]) == ("failed", "wrong password", None)
    assert not done["late"], "there is time left for the first one"
    assert state.is_dir()


def test_a_run_killed_before_it_let_the_other_host_in_is_made_up_for(
    place: Any, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = use(monkeypatch, Far(keys=("own",)))
    copy(place, Source())
    assert far.keys == ["own", "keeper"]
    # Built anew, the other host has a new key.
    place.key.write_text("keeper 2")
    copy(place, Source())
    assert far.keys == ["own", "keeper", "keeper 2"]
    far.calls.clear()
    copy(place, Source())
    assert far.verbs() == ["snapshots"]
    assert state.is_dir()


def test_a_copy_that_was_lost_there_is_made_anew_and_the_other_host_let_in(
    place: Any, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Far(keys=None))
    assert copy(place, Source(snapshot("a")))["added"] == 1
    far = use(monkeypatch, Far(keys=None))
    assert copy(place, Source(snapshot("a")))["added"] == 1
    assert far.keys == ["own", "keeper"], "what was noted is of the one before"
    assert state.is_dir()


@pytest.mark.parametrize(
    ("hours", "rpo", "late"), [(47, 4, False), (49, 4, True), (49, 72, False), (73, 72, True)]
)
def test_a_copy_is_late_after_48_hours_or_the_clients_rpo(
    place: Any, state: Path, monkeypatch: pytest.MonkeyPatch, hours: int, rpo: int, late: bool
) -> None:
    far = use(monkeypatch, Far(snapshot("x", "a")))
    far.fails["copy"] = program.Fault("restic copy: no route")
    before = (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="seconds")
    program.write_json(place.state_file("so-y-te"), {"copied": before, "since": before})
    done = copies.copy_one(Source(snapshot("b")), CLIENT | {"rpo_hours": rpo}, place)
    assert (done["late"], done["copied"], done["outcome"]) == (late, before, "failed")
    assert state.is_dir()


def test_one_client_that_fails_stops_no_other_and_fails_the_unit(
    place: Any, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    far = use(monkeypatch, Far())
    monkeypatch.setattr(place, "answers", lambda: None)

    class Broken(Source):
        def restic(self, *_: str) -> str:
            raise program.Fault("restic forget: pack 4f: hash mismatch")

    kept = [(Broken(name="broken"), CLIENT), (Source(snapshot("a")), CLIENT)]
    assert copies.copy_all(kept, [place]) == 1
    told = program.read_json(state / "standby.json")
    assert (told["outcome"], told["failed"], told["late"], told["clients"]) == (
        "failed", ["broken"], [], 2,
    )  # fmt: skip
    assert "hash mismatch" in capsys.readouterr().err
    assert [one["original"] for one in far.there] == ["a"]
    assert copies.copy_all(kept[1:], [place]) == 0
    assert copies.known_of("so-y-te", [PLACE])["standby"]["outcome"] == "done"


def test_nobody_answers(
    place: Any, state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    far = use(monkeypatch, Far())

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(copies.ssl, "create_default_context", lambda **_: None)
    monkeypatch.setattr(copies.socket, "create_connection", refuse)
    assert copies.copy_all([(Source(), CLIENT)], [place]) == 1
    assert far.calls == []
    assert "10.0.0.2:8000" in program.read_json(state / "standby.json")["error"]
    assert "Connection refused" in capsys.readouterr().err


def test_object_storage_is_opened_by_its_own_credentials(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copies_s3_password").write_text("own")
    (tmp_path / "account_s3").write_text("AWS_ACCESS_KEY_ID=id\nAWS_SECRET_ACCESS_KEY=a=b\n")
    settings = PLACE | {"name": "s3", "repository": "s3:https://s3.example.vn/sonla"}
    place = copies.Place(settings, tmp_path)
    far = use(monkeypatch, Far(keys=None))
    assert copy(place, Source(snapshot("a")))["outcome"] == "done"
    assert far.keys == ["own"], "nobody else prunes there"
    environment = far.environments[0]
    assert environment["RESTIC_REPOSITORY"] == "s3:https://s3.example.vn/sonla/so-y-te/"
    assert environment["AWS_SECRET_ACCESS_KEY"] == "a=b"
    assert "RESTIC_CACERT" not in environment, "its certificate is of an authority"
    asked: list[Any] = []

    class Authorities:
        def wrap_socket(self, _: Any, server_hostname: str) -> Any:
            asked.append(server_hostname)
            return nullcontext()

    def connect(address: tuple[str, int], timeout: float) -> Any:
        asked.append((*address, timeout))
        return nullcontext()

    monkeypatch.setattr(copies.ssl, "create_default_context", lambda cafile: Authorities())
    monkeypatch.setattr(copies.socket, "create_connection", connect)
    place.answers()
    assert asked == [("s3.example.vn", 443, 20), "s3.example.vn"]
    assert state.is_dir()


def test_what_is_lost_here_comes_back(
    place: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(place, "answers", lambda: None)
    far = use(monkeypatch, Far(snapshot("copy of a", "a"), snapshot("copy of b", "b")))
    given: list[dict[str, str]] = []

    def run(environment: dict[str, str], *arguments: str) -> str:
        if arguments[0] != "copy":
            return far.run(environment, *arguments)
        given.append(environment)
        assert arguments[-1] == "copy of a"
        return ""

    monkeypatch.setattr(copies, "run_restic", run)
    assert copies.fetch([Source(snapshot("b"))], [place]) == 0
    [environment] = given
    assert environment["RESTIC_REPOSITORY"] == "/store/so-y-te"
    assert environment["RESTIC_FROM_REPOSITORY"].endswith("/backup-1/so-y-te/")
    assert environment["RESTIC_FROM_PASSWORD_FILE"] == str(place.password)
    assert "1 snapshots came from standby" in capsys.readouterr().out
    # A host that was built anew has another password.
    far.keys = ["of the host before", "keeper"]
    assert copies.fetch([Source(snapshot("b"))], [place]) == 0
    assert far.keys[-1] == "own"
    assert copies.fetch([], [place]) == 1
    assert copies.fetch([Source()], []) == 1


def test_snapshots_are_known_by_their_first_name() -> None:
    here = [snapshot("a"), snapshot("b"), snapshot("came back", "c"), snapshot("new")]
    there = [snapshot("x", "a"), snapshot("b"), snapshot("y", "c"), snapshot("z", "w")]
    assert copies.missing(here, there) == ["new"]
    assert copies.missing(there, here) == ["z"]


def test_copies_of_another_host_are_kept_like_clients(tmp_path: Path) -> None:
    for name in ("backup-1/so-y-te", "backup-1/xa-b", "own"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config").touch()
    (tmp_path / "backup-1/rubbish").mkdir()
    clients = {"backup-1": {"copies": True}, "own": {}, "new": {}, "new-host": {"copies": True}}
    found = {
        one.name: one.key.name
        for one, _ in program.repositories({"store": str(tmp_path)}, clients, Path("/keys"))
    }
    assert found == {
        "backup-1/so-y-te": "keys_backup-1",
        "backup-1/xa-b": "keys_backup-1",
        "own": "keys_own",
    }
