"""The verbs of the model, as people type them."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from hoaban import console
from hoaban.cli import main

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs a command; returns its exit status, standard output and standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        console.stdout.cache_clear()
        console.stderr.cache_clear()
        monkeypatch.setattr(sys, "argv", ["hoaban", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    yield call
    console.stdout.cache_clear()
    console.stderr.cache_clear()


@pytest.fixture
def here(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(inventory.parent)
    monkeypatch.delenv("HOABAN_ROOT", raising=False)
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    return inventory


def test_check_says_what_there_is(here: Path, run: Run) -> None:
    status, out, _ = run("check")
    assert status == 0
    assert out.splitlines() == [
        "ok tinh-a: 2 agencies (1 commune, 1 department)",
        "   2 systems, 9 hosts (12 vCPU, 8.0 GiB RAM), 3 volumes (29 GiB)",
        "   6 networks, 11 security groups, 128 rules",
        (
            "   address pools: province 5 of 8, agencies 2 of 16, sites 2 of 16; "
            "no two networks overlap; 0 retired"
        ),
    ]


def test_check_as_json(here: Path, run: Run) -> None:
    status, out, _ = run("check", "--json")
    assert status == 0
    assert json.loads(out)["pools"]["sites"] == {"given": 2, "capacity": 16}


def test_check_tells_all_errors_and_ends_with_one(here: Path, run: Run) -> None:
    for name in ("so-a", "xa-b"):
        path = here / "agencies" / f"{name}.yml"
        path.write_text(path.read_text("utf-8").replace("users:", "usres:"), "utf-8")
    status, out, err = run("check")
    assert status == 1
    assert out == ""
    assert err.count("did you mean `users`") == 2
    assert err.splitlines()[-1] == "2 errors"
    status, out, err = run("check", "--json")
    assert status == 1
    assert {error["where"]["file"] for error in json.loads(out)["errors"]} == {
        "inventory/agencies/so-a.yml",
        "inventory/agencies/xa-b.yml",
    }


def test_from_nothing_to_a_checked_agency(
    tmp_path: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "tinh"
    status, out, _ = run("init", str(folder), "--slug", "tinh-x", "--json")
    assert status == 0
    assert str(folder / "inventory" / "addresses.yml") in json.loads(out)["written"]
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HOABAN_ROOT", raising=False)
    status, out, _ = run("new", "xa-a", "--name-vi", "Xã A", "--users", "40", "--level", "3")
    assert status == 0
    assert "agencies/xa-a.yml" in out
    status, out, _ = run("check", "--json")
    assert (status, json.loads(out)["hosts"]) == (0, 3)


def test_new_with_the_agency_s_name(here: Path, run: Run) -> None:
    status, _, err = run("new", "Sở Nội vụ")
    assert status == 1
    assert "hoaban new so-noi-vu" in err


def test_a_wrong_option_is_a_usage_error(here: Path, run: Run) -> None:
    assert run("new", "xa-c", "--level", "9")[0] == 2


def test_address_show_allocate_release(here: Path, run: Run) -> None:
    status, out, _ = run("address", "show", "xa-b")
    assert status == 0
    assert out.splitlines()[2] == (
        "10.2.1.128/26      fd00:0:2:102::/64            zone `data` of agency `xa-b`"
    )
    path = here / "agencies" / "so-a.yml"
    path.write_text(path.read_text("utf-8").replace("count: 3", "count: 2"), "utf-8")
    assert run("address", "show", "--retired")[1] == "so-a-cong-app-3\n"
    state = here.parent / ".hoaban/state/.pulumi/stacks/agency/so-a.json"
    state.parent.mkdir(parents=True)
    state.write_text("{", "utf-8")
    status, _, err = run("address", "release", "so-a-cong-app-3")
    assert (status, "the state cannot be used" in err) == (1, True), "it may have the address"
    state.unlink()
    assert run("address", "release", "so-a-cong-app-3")[0] == 0
    assert run("address", "show", "--retired", "--json")[1] == '{\n  "retired": []\n}\n'
    path.write_text(path.read_text("utf-8").replace("count: 2", "count: 3"), "utf-8")
    status, _, err = run("check")
    assert status == 1
    assert "mend: hoaban address allocate" in err
    status, out, _ = run("address", "allocate", "--json")
    assert status == 0
    assert json.loads(out)["allocated"] == [
        {"name": "so-a-cong-web-3", "kind": "host"},
        {"name": "so-a-cong-app-3", "kind": "host"},
    ]
    assert run("check")[0] == 0


def test_addresses_are_shown_as_they_are_not_as_pictures(here: Path, run: Run) -> None:
    """A terminal library that knows emoji makes one of the `:100:` in an IPv6 address."""
    assert "fd00:0:2:100::/64" in run("address", "show")[1]


def test_schema_is_printed_and_written(here: Path, run: Run) -> None:
    assert json.loads(run("schema")[1])["agency.schema.json"]["title"] == "AgencySpec"
    assert run("schema", "--write")[1].count("written:") == 3
    assert run("schema", "--write")[1] == "the schemas are up to date\n"


def test_a_full_disk_is_told_without_a_traceback(
    here: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("hoaban.files.os.fsync", full)
    status, out, err = run("schema", "--write")
    assert (status, out) == (1, "")
    assert err.splitlines()[0] == "error: cannot write: No space left on device"
    assert "mend: make room" in err


def test_outside_of_a_province(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOABAN_ROOT", raising=False)
    status, _, err = run("check")
    assert status == 1
    assert "hoaban init DIRECTORY" in err


def test_links_as_a_table_and_as_json(here: Path, run: Run) -> None:
    status, out, _ = run("links")
    assert status == 0
    rows = [line.split() for line in out.splitlines()]
    assert rows[1][:5] == ["so-a/tru-so", "primary", "VNPT", "V-1", "tslcd"]
    assert out.splitlines()[3].endswith("20/20 Mbit/s    99.5 %, 40.0 ms, 0.5 %")
    found = json.loads(run("links", "--agency", "xa-b", "--json")[1])["circuits"]
    assert [(one["site"], one["circuit"], one["monitor"]) for one in found] == [
        ("xa-b/tru-so", "T-1", "192.0.2.9")
    ]
    assert run("links", "--agency", "xa-bb")[0] == 1


def test_a_site_without_a_circuit_is_listed_as_such(here: Path, run: Run) -> None:
    (here / "links.yml").unlink()
    assert "so-a/tru-so  none yet" in run("links")[1]
    assert json.loads(run("links", "--json")[1])["circuits"][0]["role"] is None
