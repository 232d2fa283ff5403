from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hoaban import console
from hoaban.cli.status import status
from hoaban.engine.embedded.backend import digest
from hoaban.errors import HoabanError
from hoaban.provision import Consent, operations
from tests.unit.provision.fakes import FakeEngine
from tests.unit.provision.states import (
    PROVIDER,
    ROOT,
    SERVER,
    resource,
    write_journal,
    write_state,
)

if TYPE_CHECKING:
    from tests.cloud.province import SmallProvince

SHELL = (resource(ROOT), resource(PROVIDER, "one"))
MADE = resource(SERVER, "server-1")
CREATING = {"pending": "creating", "number": 1, "resource": MADE}


def test_nothing_stands_where_nothing_was_made(small: SmallProvince) -> None:
    assert small.target().stands() is False
    assert small.target(None).dependents() == []
    write_state(small.target(), *SHELL)
    assert small.target().stands() is False
    assert small.target(None).dependents() == []


def test_what_an_update_made_before_it_failed_stands(small: SmallProvince) -> None:
    """It exported nothing: outputs come at the end of the program."""
    agency, foundation = small.target(), small.target(None)
    write_state(agency, *SHELL, MADE)
    assert agency.built() is None
    assert [one.name for one in foundation.dependents()] == [agency.name]
    engine = FakeEngine()
    with pytest.raises(HoabanError, match="stand on this foundation: so-thu-nghiem"):
        operations.destroy(foundation, engine, lambda _: None, consent=Consent(delete_data=True))
    assert engine.calls == []


def test_what_may_have_been_made_stands(small: SmallProvince) -> None:
    write_state(small.target(), *SHELL, pending=[{"type": "creating", "resource": MADE}])
    assert small.target().stands()


def test_what_only_a_journal_knows_stands(small: SmallProvince) -> None:
    """A process that was killed in its first update has no checkpoint at all."""
    agency, foundation = small.target(), small.target(None)
    write_journal(agency, digest(b""), CREATING)
    assert [one.name for one in foundation.dependents()] == [agency.name]


def test_a_journal_that_the_checkpoint_holds_already_adds_nothing(small: SmallProvince) -> None:
    file = write_state(small.target(), *SHELL)
    write_journal(small.target(), "before", CREATING, {"committing": digest(file.read_bytes())})
    assert small.target().stands() is False


def test_a_damaged_state_is_no_empty_one(small: SmallProvince) -> None:
    write_state(small.target()).write_text("{")
    with pytest.raises(HoabanError, match="the state cannot be used"):
        small.target(None).dependents()


def test_status_tells_of_what_is_half_built(
    small: SmallProvince, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOABAN_ROOT", str(small.folder))
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    write_state(small.target(), *SHELL, MADE)
    console.stderr.cache_clear()
    status()
    told = capsys.readouterr().err
    assert "agency/so-thu-nghiem is half built; to go on: hoaban up so-thu-nghiem" in told
    assert "nothing is provisioned" not in told
    console.stdout.cache_clear()
    status(json_=True)
    assert json.loads(capsys.readouterr().out) == {
        "hosts": [],
        "unfinished": ["agency/so-thu-nghiem"],
    }
    console.stdout.cache_clear()
    console.stderr.cache_clear()
