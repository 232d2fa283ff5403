"""The program that backs a host up, restic played by a script."""

from __future__ import annotations

import importlib.util
import json
import re
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SPEC = importlib.util.spec_from_file_location(
    "hoaban_backup", ROOT / "roles/backup_client/files/hoaban_backup.py"
)
assert SPEC is not None
assert SPEC.loader is not None
program = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(program)

RESTIC = """\
#!/bin/sh
echo "$@" >> {folder}/calls
env | grep -c '^RESTIC_PASSWORD=' >> {folder}/passwords
. {folder}/answer
"""
SUMMARY = {
    "message_type": "summary",
    "snapshot_id": "abc",
    "total_files_processed": 3,
    "total_bytes_processed": 70,
    "data_added": 7,
}


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client whose restic does what the file ``answer`` says."""
    binary = tmp_path / "restic"
    binary.write_text(RESTIC.format(folder=tmp_path))
    binary.chmod(0o755)
    answer(tmp_path, f"echo '{json.dumps(SUMMARY)}'")
    (tmp_path / "data").mkdir()
    settings = {
        "client": "so-y-te",
        "paths": [str(tmp_path / "data"), "/nowhere"],
        "excludes": ["lost+found"],
        "rpo_hours": 4,
        "dump_folder": str(tmp_path / "dumps"),
        "time_limit_hours": 24,
    }
    (tmp_path / "client.json").write_text(json.dumps(settings))
    (tmp_path / "client.env").write_text(
        "# a comment\nRESTIC_REPOSITORY=rest:https://127.0.0.1:1/so-y-te/\n"
    )
    (tmp_path / "account.env").write_text("RESTIC_REST_PASSWORD=a=b\n")
    (tmp_path / "server.crt").touch()
    monkeypatch.setattr(program, "STATE", tmp_path / "state")
    monkeypatch.setattr(program, "POLL_SECONDS", 0.02)
    made = program.Client(tmp_path)
    made.environment["PATH"] = f"{tmp_path}:{made.environment['PATH']}"
    monkeypatch.setattr(type(made), "answers", lambda _: None)
    monkeypatch.setenv("PATH", made.environment["PATH"])
    return made


def answer(folder: Path, script: str) -> None:
    (folder / "answer").write_text(f'if [ "$1" = backup ]; then\n{script}\nfi\n')


def state(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "state/client.json").read_text())
    return found


def hook(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_a_good_run(client: Any, tmp_path: Path) -> None:
    hook(tmp_path, "pre.d/10-a", f"echo before $HOABAN_DUMP_FOLDER >> {tmp_path}/calls")
    hook(tmp_path, "post.d/10-a", f"echo after $HOABAN_OUTCOME >> {tmp_path}/calls")
    assert program.run(client, None) == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0] == f"before {tmp_path}/dumps"
    assert calls[-1] == "after done"
    assert calls[2].endswith(f"--exclude=lost+found -- {tmp_path}/data")
    assert set((tmp_path / "passwords").read_text().split()) == {"0"}
    seen = state(tmp_path)
    assert (seen["last"]["outcome"], seen["last"]["error"]) == ("done", None)
    assert seen["snapshot"]["id"] == "abc"
    assert stat.S_IMODE((tmp_path / "state/client.json").stat().st_mode) == 0o644
    assert program.status(client)["rpo_met"] is True
    assert program.alarm(client) == 0


def test_a_failed_hook_fails_the_run_and_files_are_kept(client: Any, tmp_path: Path) -> None:
    hook(tmp_path, "pre.d/50-db", "echo 'no room' >&2; exit 1")
    with pytest.raises(program.Fault, match="50-db: no room"):
        program.run(client, None)
    assert "backup --json" in (tmp_path / "calls").read_text()
    seen = state(tmp_path)
    assert (seen["last"]["outcome"], seen["snapshot"]) == ("failed", None)
    with pytest.raises(program.Fault, match="the last run failed"):
        program.alarm(client)


def test_the_last_good_backup_outlives_failures(client: Any, tmp_path: Path) -> None:
    program.run(client, None)
    answer(tmp_path, "echo 'Fatal: unable to open config file' >&2; exit 1")
    with pytest.raises(program.Fault, match="unable to open config file"):
        program.run(client, None)
    assert state(tmp_path)["snapshot"]["id"] == "abc"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 10", "no repository of this host"),
        ("exit 12", "does not open its repository"),
        ("echo first >&2; echo again >&2; echo Fatal: last >&2; exit 1", "first … Fatal: last$"),
        (
            """echo '{"message_type":"error","error":{"message":"x: denied"}}' >&2; exit 3""",
            "denied",
        ),
        ("echo '507 Insufficient Storage' >&2; exec sleep 60", "volume of the backup host is full"),
        ("echo nonsense", "Expecting value"),
    ],
)
def test_why_it_failed_is_one_line(client: Any, tmp_path: Path, script: str, words: str) -> None:
    answer(tmp_path, script)
    with pytest.raises(program.Fault, match=words) as caught:
        program.run(client, None)
    assert "\n" not in str(caught.value)
    assert state(tmp_path)["last"]["error"] == str(caught.value)


def test_a_run_that_takes_too_long_is_stopped(client: Any, tmp_path: Path) -> None:
    answer(tmp_path, "exec sleep 60")
    with pytest.raises(program.Fault, match="stopped after 0 s"):
        program.run(client, 0.1)


def test_the_rpo_counts_from_the_last_good_backup(client: Any, tmp_path: Path) -> None:
    program.run(client, None)
    file = tmp_path / "state/client.json"
    seen = state(tmp_path)
    for hours, met in ((3, True), (5, False)):
        seen["snapshot"]["time"] = program.stamp(datetime.now(UTC) - timedelta(hours=hours))
        file.write_text(json.dumps(seen))
        assert program.status(client)["rpo_met"] is met
    with pytest.raises(program.Fault, match=r"5\.0 hours ago, allowed are 4"):
        program.alarm(client)
    file.unlink()
    with pytest.raises(program.Fault, match="was never"):
        program.alarm(client)


def test_two_runs_wait_for_each_other(client: Any, tmp_path: Path) -> None:
    answer(tmp_path, f"sleep 0.2; echo '{json.dumps(SUMMARY)}'; echo end >> {tmp_path}/calls")
    threads = [threading.Thread(target=program.run, args=(client, None)) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    order = re.findall("^(backup|end)", (tmp_path / "calls").read_text(), re.MULTILINE)
    assert order == ["backup", "end"] * 2


def test_nobody_who_answers_is_told_at_once(tmp_path: Path, client: Any) -> None:
    del client
    with pytest.raises(program.Fault, match=r"the backup host 127\.0\.0\.1:1: "):
        ANSWERS(program.Client(tmp_path))


ANSWERS = program.Client.answers


def test_moments_of_restic_have_nine_digits() -> None:
    moment = program.moment_of("2026-11-22T23:52:05.123456789+07:00")
    assert program.stamp(moment) == "2026-11-22T16:52:05+00:00"


def test_a_host_that_was_never_configured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["--config", str(tmp_path), "list"]) == 1
    assert "was this host configured?" in capsys.readouterr().err
