"""The ledger's file: written whole, comments and order kept, one writer at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from hoaban import files
from hoaban.errors import HoabanError
from hoaban.model import ledgerfile, load
from hoaban.model.allocation import label

if TYPE_CHECKING:
    from pathlib import Path

NEW = """\
slug: {slug}
name: {{vi: x, en: x}}
kind: commune
users: 1
sites:
  - slug: tru-so
    name: {{vi: x, en: x}}
    address: x
"""


def add(inventory: Path, slug: str) -> None:
    files.write_atomic(inventory / "agencies" / f"{slug}.yml", NEW.format(slug=slug))


def test_the_first_allocation_writes_bases_and_all_indexes(blank: Path) -> None:
    given = ledgerfile.allocate(blank)
    text = (blank / "addresses.yml").read_text("utf-8")
    assert text.startswith("# Sổ cấp phát địa chỉ")
    assert "    ipv4: 10.2.0.0\n" in text
    assert [label(key) for key in given][:2] == ["zone/management", "zone/services"]
    assert str(load(blank).addresses.block("xa-b").ipv4) == "10.2.1.0/24"


def test_without_need_nothing_is_written(inventory: Path) -> None:
    path = inventory / "addresses.yml"
    before = path.stat().st_mtime_ns
    assert ledgerfile.allocate(inventory) == {}
    assert path.stat().st_mtime_ns == before


def test_comments_and_order_stay(inventory: Path) -> None:
    path = inventory / "addresses.yml"
    text = path.read_text("utf-8").replace("  xa-b:\n", "  xa-b:  # mở rộng năm 2026\n")
    path.write_text(text, "utf-8")
    add(inventory, "xa-a")
    ledgerfile.allocate(inventory)
    assert path.read_text("utf-8") == text + (
        "  xa-a:\n    block: 2\n    sites:\n      tru-so: 2\n"
    )


def test_an_agency_that_leaves_and_returns_has_its_addresses_again(inventory: Path) -> None:
    file = inventory / "agencies" / "xa-b.yml"
    kept = file.read_text("utf-8")
    before = load(inventory).environment("xa-b")
    other = inventory / "agencies" / "so-a.yml"
    other.write_text(other.read_text("utf-8").replace("agencies: [xa-b]", "agencies: []"), "utf-8")
    file.unlink()
    (inventory / "links.yml").unlink()
    add(inventory, "xa-a")
    ledgerfile.allocate(inventory)
    file.write_text(kept, "utf-8")
    assert ledgerfile.allocate(inventory) == {}
    after = load(inventory).environment("xa-b")
    assert after.networks == before.networks
    assert [host.ipv6 for host in after.hosts] == [host.ipv6 for host in before.hosts]


def test_release_removes_an_agency_s_whole_entry(inventory: Path) -> None:
    add(inventory, "xa-a")
    ledgerfile.allocate(inventory)
    (inventory / "agencies" / "xa-a.yml").unlink()
    freed = ledgerfile.release(inventory, ["xa-a"], [])
    assert [label(key) for key in freed] == ["xa-a", "xa-a/tru-so"]
    assert "xa-a" not in (inventory / "addresses.yml").read_text("utf-8")
    add(inventory, "xa-z")
    ledgerfile.allocate(inventory)
    assert str(load(inventory).addresses.block("xa-z").ipv4) == "10.2.2.0/24"


def test_release_of_what_is_in_use_changes_nothing(inventory: Path) -> None:
    before = (inventory / "addresses.yml").read_bytes()
    with pytest.raises(HoabanError, match="`xa-b` is in use"):
        ledgerfile.release(inventory, ["xa-b"], [])
    assert (inventory / "addresses.yml").read_bytes() == before


def test_a_ledger_without_bases_gets_none_for_what_it_gave_before(inventory: Path) -> None:
    """Bases of the pools as they are now would hide that they have moved."""
    path = inventory / "addresses.yml"
    head, _, rest = path.read_text("utf-8").partition("bases:\n")
    text = head + rest[rest.index("province:\n  management") :]
    path.write_text(text, "utf-8")
    add(inventory, "xa-a")
    with pytest.raises(HoabanError, match="the ledger has entries but no `bases`"):
        ledgerfile.allocate(inventory)
    assert path.read_text("utf-8") == text


def test_a_full_pool_points_at_it_and_writes_nothing(inventory: Path) -> None:
    before = (inventory / "addresses.yml").read_bytes()
    for number in range(15):
        add(inventory, f"xa-m{number}")
    with pytest.raises(HoabanError) as caught:
        ledgerfile.allocate(inventory)
    assert str(caught.value).startswith(
        "inventory/province.yml:11: pools.agencies: pool `agencies` is too small: 10.2.0.0/20 and"
    )
    assert (inventory / "addresses.yml").read_bytes() == before


def test_a_full_network_points_at_the_agency(inventory: Path) -> None:
    path = inventory / "agencies" / "so-a.yml"
    path.write_text(path.read_text("utf-8").replace("count: 3", "count: 50"), "utf-8")
    with pytest.raises(HoabanError) as caught:
        ledgerfile.allocate(inventory)
    assert str(caught.value).startswith(
        "inventory/agencies/so-a.yml:10: systems: no address left for host `so-a-cong-46`"
    )


def test_a_full_disk_leaves_the_old_ledger(
    inventory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (inventory / "addresses.yml").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    add(inventory, "xa-a")
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(HoabanError) as caught:
        ledgerfile.allocate(inventory)
    assert caught.value.what == "addresses.yml can't be written: No space left on device"
    assert (inventory / "addresses.yml").read_bytes() == before
    assert not list(inventory.glob(".addresses*"))


def test_two_at_once_give_nothing_twice(inventory: Path) -> None:
    slugs = [f"xa-m{number}" for number in range(6)]
    errors: list[BaseException] = []

    def work(slug: str) -> None:
        try:
            add(inventory, slug)
            ledgerfile.allocate(inventory)
        except BaseException as error:  # noqa: BLE001 - told by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(slug,)) for slug in slugs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    province = load(inventory)
    blocks = {province.addresses.block(slug).ipv4 for slug in slugs}
    assert len(blocks) == len(slugs)


def test_the_ledger_keeps_its_mode(inventory: Path) -> None:
    path = inventory / "addresses.yml"
    assert path.stat().st_mode & 0o777 == 0o644
