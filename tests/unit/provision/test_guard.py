from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.errors import ExitCode
from hoaban.provision.guard import (
    CONTAINER,
    SERVER,
    VOLUME,
    Consent,
    Decline,
    Fate,
    Loss,
    losses_of_steps,
)
from tests.unit.provision.fakes import step

if TYPE_CHECKING:
    from collections.abc import Iterable

DB = {"name": "so-y-te-db", "size": 20, "metadata": {"mount": "/srv/db"}}
PORT = "openstack:networking/port:Port"


def whats(losses: list[Loss]) -> list[str]:
    return [str(loss) for loss in losses]


@pytest.mark.parametrize(
    ("op", "fate"),
    [
        ("delete", "deleted"),
        ("delete-replaced", "deleted"),
        ("replace", "replaced"),
        ("create-replacement", "replaced"),
    ],
)
def test_a_volume_that_goes_is_a_loss(op: str, fate: str) -> None:
    losses = losses_of_steps([step(op, VOLUME, "db", old=DB)], ())
    assert whats(losses) == [f"volume so-y-te-db (20 GiB, /srv/db) would be {fate}"]


@pytest.mark.parametrize("op", ["create", "update", "same", "read", "refresh"])
def test_what_stays_is_no_loss(op: str) -> None:
    assert losses_of_steps([step(op, VOLUME, "db", old=DB)], ()) == []


def test_the_halves_of_a_replacement_are_one_loss() -> None:
    steps = [step(op, VOLUME, "db", old=DB) for op in ("delete-replaced", "replace")]
    assert [loss.fate for loss in losses_of_steps(steps, ())] == [Fate.REPLACED]


def test_only_servers_with_volumes_count() -> None:
    steps = [step("delete", SERVER, name, old={"name": name}) for name in ("web-1", "db-1")]
    assert whats(losses_of_steps(steps, {"db-1"})) == [
        "server db-1 with its system disk would be deleted"
    ]


def test_a_container_goes_with_its_objects() -> None:
    losses = losses_of_steps([step("delete", CONTAINER, "files", old={"name": "files"})], ())
    assert whats(losses) == ["container files with all its objects would be deleted"]


def test_a_port_holds_no_data() -> None:
    assert losses_of_steps([step("delete", PORT, "web-1")], ()) == []


DELETED = Loss("urn:1", Fate.DELETED, "volume a (1 GiB)")
REPLACED = Loss("urn:2", Fate.REPLACED, "server b with its system disk")


def test_nothing_lost_needs_no_consent() -> None:
    Consent().require([])


@pytest.mark.parametrize(
    ("consent", "flags"),
    [
        (Consent(), "--allow-replace --delete-data"),
        (Consent(delete_data=True), "--allow-replace"),
        (Consent(allow_replace=True), "--delete-data"),
    ],
)
def test_without_a_person_each_kind_needs_its_flag(consent: Consent, flags: str) -> None:
    with pytest.raises(Decline) as caught:
        consent.require([DELETED, REPLACED])
    assert caught.value.mend is not None
    assert caught.value.mend.endswith(f"--yes {flags}")
    assert caught.value.exit_code is ExitCode.ERROR


def test_flags_for_both_let_both_go() -> None:
    Consent(delete_data=True, allow_replace=True).require([DELETED, REPLACED])


def test_a_person_is_asked_about_what_no_flag_covers_and_may_agree() -> None:
    asked: list[Loss] = []

    def agree(losses: Iterable[Loss]) -> bool:
        asked.extend(losses)
        return True

    Consent(delete_data=True, confirm=agree).require([DELETED, REPLACED])
    assert asked == [REPLACED]


def test_a_person_may_refuse() -> None:
    with pytest.raises(Decline, match="nothing was changed") as caught:
        Consent(confirm=lambda _: False).require([DELETED])
    assert caught.value.detail == "volume a (1 GiB) would be deleted"
