"""What was typed wrong: in a frame for people, as JSON for programs, with status 2 for both."""

from __future__ import annotations

import json
import sys

import pytest

from hoaban.cli import main
from hoaban.errors import ExitCode


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Exit status of the command."""
    monkeypatch.setattr(sys, "argv", ["hoaban", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("words", "what", "mend"),
    [
        (("plan", "--nonsense"), "--nonsense", "plan --help"),
        (("plann",), "plann", " --help"),
        (("up", "--parallel", "many"), "--parallel", "up --help"),
        (("vpn", "site"), "AGENCY/SITE", "vpn site --help"),
    ],
)
def test_a_program_gets_json(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    what: str,
    mend: str,
) -> None:
    assert run(monkeypatch, *words, "--json") == ExitCode.USAGE
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert what in error["what"]
    assert error["mend"].endswith(mend)
    assert told.err == ""
    assert run(monkeypatch, *words) == ExitCode.USAGE
    told = capsys.readouterr()
    assert what in told.err
    assert told.out == ""


def test_help_and_success_end_with_status_0_in_both_ways(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "plan", "--help", "--json") == 0
    assert run(monkeypatch, "schema", "--help") == 0
    assert "--help" in capsys.readouterr().out
