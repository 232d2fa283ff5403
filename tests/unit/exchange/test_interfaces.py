"""Interfaces that both sides name, and what is said where one of them does not."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import date
from typing import TYPE_CHECKING

import pytest

from hoaban import console
from hoaban.cli import main
from hoaban.errors import HoabanError, ManyErrors
from hoaban.model import ledgerfile, load
from hoaban.model.exchange import State
from tests.unit.model.conftest import BASE

if TYPE_CHECKING:
    from pathlib import Path

OFFERS = """
interfaces:
  offers:
    - slug: ho-so
      version: v1
      name: {vi: Hồ sơ, en: Files}
      system: cong
      document: interfaces/ho-so.yml
      sharing: common
      to: [xa-b, centre]
"""
USES = """
interfaces:
  uses:
    - agency: so-a
      interface: ho-so
      version: v1
      system: tep
      ground: {vi: Quyết định 1, en: Decision 1}
      until: 2030-06-30
"""
CENTRE = """
centre_interfaces:
  uses:
    - agency: so-a
      interface: ho-so
      version: v1
      system: cong-quoc-gia
      ground: {vi: Quyết định 2, en: Decision 2}
      until: 2031-12-31
"""
DOCUMENT = """\
openapi: 3.1.0
info: {title: Hồ sơ, version: 1.0.0}
paths:
  /files/{id}:
    get:
      operationId: file
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
      responses:
        "200": {description: found, content: {application/json: {example: {on: 2026-11-30}}}}
"""
A, B, P, D = "agencies/so-a.yml", "agencies/xa-b.yml", "province.yml", "interfaces/ho-so.yml"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "inventory"
    shutil.copytree(BASE, folder)
    (folder / "interfaces").mkdir()
    for name, more in ((A, OFFERS), (B, USES), (P, CENTRE), (D, DOCUMENT)):
        path = folder / name
        path.write_text((path.read_text() if path.exists() else "") + more)
    ledgerfile.allocate(folder)
    return folder


def spoil(inventory: Path, name: str, has: str, put: str) -> None:
    path = inventory / name
    before, found, after = path.read_text().rpartition(has)
    assert found, has
    path.write_text(before + put + after)


def errors(inventory: Path) -> list[str]:
    with pytest.raises(HoabanError) as caught:
        load(inventory)
    error = caught.value
    return [str(one) for one in (error.errors if isinstance(error, ManyErrors) else [error])]


def run(
    inventory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *words: str,
) -> tuple[int, str, str]:
    console.stdout.cache_clear()
    console.stderr.cache_clear()
    monkeypatch.chdir(inventory.parent)
    for name in ("HOABAN_ROOT", "HOABAN_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["hoaban", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    console.stdout.cache_clear()
    console.stderr.cache_clear()
    return int(ended.value.code or 0), *capsys.readouterr()


def test_what_both_sides_name_is_in_use(inventory: Path) -> None:
    centre, commune = load(inventory).agreements
    assert commune.client_id == "tinh-a/GOV/xa-b/tep"
    assert commune.service_id == "tinh-a/GOV/so-a/cong/ho-so-v1"
    assert centre.client_id == "tinh-a/GOV/centre/cong-quoc-gia"


def test_how_an_agreement_stands(inventory: Path) -> None:
    commune = load(inventory).agreements[1]
    assert commune.state(date(2030, 4, 30)) is State.VALID
    assert commune.state(date(2030, 5, 1)) is State.ENDS_SOON
    assert commune.state(date(2030, 6, 30)) is State.ENDS_SOON
    assert commune.state(date(2030, 7, 1)) is State.ENDED


ONE_SIDED = [
    (A, ", centre]", "]", "`so-a` does not offer `ho-so` v1 to `centre`"),
    (B, USES, "", "`xa-b` is offered `ho-so` v1 and does not say that it uses it"),
    (A, "v1", "v2", "`so-a` offers no interface `ho-so` v1"),
    (A, "ho-so\n", "ho-soo\n", "did you mean `ho-soo`?"),
    (A, "xa-b, centre", "xa-bb, centre", "unknown agency `xa-bb`"),
    (A, "xa-b, centre", "xa-b, centre, so-a", "`so-a` is the agency itself"),
    (A, "xa-b, centre", "xa-b, centre, xa-b", "`xa-b` is there twice"),
    (
        A,
        "system: cong",
        "system: congg",
        "`so-a` has no system `congg`\n  mend: did you mean `cong`?",
    ),
    (B, "system: tep", "system: web", "`xa-b` has no system `web`\n  mend: it has `tep`"),
    (A, "sharing: common", "sharing: private", "has private data, which are for `so-a` alone"),
    (A, "version: v1", "version: '1'", "v and a number, such as v1 or v2.1"),
    (A, "interfaces/ho-so.yml", "../../ho-so.yml", "a file below inventory/"),
    (B, "until: 2030-06-30", "until: next year", "until"),
]


@pytest.mark.parametrize(("name", "has", "put", "told"), ONE_SIDED)
def test_what_one_side_alone_says_is_refused(
    inventory: Path, name: str, has: str, put: str, told: str
) -> None:
    spoil(inventory, name, has, put)
    said = errors(inventory)
    assert any(told in one for one in said), said
    assert all(".yml:" in one and "mend: " in one for one in said)


def test_open_data_need_no_list_of_who_may(inventory: Path) -> None:
    spoil(inventory, A, "sharing: common\n      to: [xa-b, centre]", "sharing: open")
    assert len(load(inventory).agreements) == 2


def test_an_agency_can_not_be_called_as_the_centre(inventory: Path) -> None:
    (inventory / "agencies/centre.yml").write_text(
        (inventory / B).read_text().replace("slug: xa-b", "slug: centre", 1)
    )
    assert any("`centre` is what the centre is called" in one for one in errors(inventory))


BAD_DOCUMENTS = [
    ("openapi: 3.1.0", "openapi: 2.0.0", 1, "the document is of OpenAPI 2.0.0"),
    ("openapi: 3.1.0\n", "", 1, "no `openapi:`"),
    ("version: 1.0.0", "version: 2.0.0", 2, "the document is of version 2.0.0"),
    ("in: path", "in: nowhere", 8, "nowhere"),
    ("title: Hồ sơ, ", "", 2, "title"),
    ("paths:", "paths: [", 4, "no YAML"),
    ("title: Hồ sơ", "title: !other Hồ sơ", 2, "no YAML"),
]


@pytest.mark.parametrize(("has", "put", "line", "told"), BAD_DOCUMENTS)
def test_a_document_that_is_not_valid_is_told_with_its_line(
    inventory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    has: str,
    put: str,
    line: int,
    told: str,
) -> None:
    spoil(inventory, D, has, put)
    for verb in ("check", "interfaces"):
        status, _, err = run(inventory, monkeypatch, capsys, verb)
        assert status == 1
        assert f"inventory/{D}:{line}" in err, err
        assert told in err


def test_a_document_that_is_missing_is_told_where_it_is_named(
    inventory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (inventory / D).unlink()
    status, _, err = run(inventory, monkeypatch, capsys, "check")
    assert status == 1
    assert "so-a.yml" in err
    assert "interfaces.offers[0].document" in err
    assert "No such file" in err


def test_a_ground_that_has_ended_fails_the_check(
    inventory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(inventory, B, "2030-06-30", "2020-06-30")
    status, _, err = run(inventory, monkeypatch, capsys, "check")
    assert status == 1
    assert "interfaces.uses[0].until" in err
    assert "ended on 2020-06-30" in err
    assert len(load(inventory).agreements) == 2, "what runs is not stopped by a date"


def test_the_list_tells_what_is_used_and_what_is_not(
    inventory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(inventory, A, "common\n      to: [xa-b, centre]", "open")
    spoil(inventory, P, CENTRE, "")
    status, out, _ = run(inventory, monkeypatch, capsys, "interfaces", "--json")
    assert status == 0
    [one] = json.loads(out)["agreements"]
    assert one["consumer"] == "xa-b"
    assert one["state"] == "valid"
    assert json.loads(out)["unused"] == []
    spoil(inventory, B, USES, "")
    status, out, _ = run(inventory, monkeypatch, capsys, "interfaces")
    assert status == 0
    assert out.splitlines()[1].split() == ["so-a", "ho-so", "v1", "nobody"]
    status, _, err = run(inventory, monkeypatch, capsys, "interfaces", "--agency", "xa-bb")
    assert status == 1
    assert "did you mean `xa-b`?" in err
