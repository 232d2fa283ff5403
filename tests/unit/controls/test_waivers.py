"""Waivers: who, where, until when; and what is wrong with them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from hoaban.controls import waivers
from hoaban.errors import HoabanError, ManyErrors
from hoaban.plugins.filter.controls import waived_controls

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
waivers:
  - control: files-tmp-noexec
    agency: so-y-te
    hosts: [so-y-te-portal-app-1]
    reason: {vi: Ứng dụng giải nén thư viện vào /tmp, en: The application unpacks libraries to /tmp}
    owner: Nguyễn Văn An
    granted: 2026-06-01
    expires: 2027-05-31
  - control: services-updates
    agency: province
    reason: {vi: Chưa có kho gói, en: There is no mirror yet}
    owner: Lò Thị Mai
    granted: 2026-06-01
    expires: 2026-09-30
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    (tmp_path / "waivers.yml").write_text(GOOD, encoding="utf-8")
    return tmp_path


def test_waivers_are_of_hosts(inventory: Path) -> None:
    read = waivers.read(inventory, {"so-y-te"})
    assert set(read.of("so-y-te", "so-y-te-portal-app-1")) == {"files-tmp-noexec"}
    assert read.of("so-y-te", "so-y-te-portal-web-1") == {}
    assert set(read.of(None, "bastion-1")) == {"services-updates"}
    assert read.of("xa-b", "so-y-te-portal-app-1") == {}


def test_a_waiver_holds_on_its_last_day(inventory: Path) -> None:
    read = waivers.read(inventory)
    assert read.expired(date(2026, 9, 30)) == []
    assert [one.control for one in read.expired(date(2026, 10, 1))] == ["services-updates"]


def test_of_two_waivers_the_longer_counts(inventory: Path) -> None:
    more = GOOD + GOOD.partition("\n")[2].replace("2026-09-30", "2027-01-31")
    (inventory / "waivers.yml").write_text(more, encoding="utf-8")
    assert waivers.read(inventory).of(None, "b")["services-updates"].expires == date(2027, 1, 31)


def test_without_a_file_nothing_is_waived(tmp_path: Path) -> None:
    assert waivers.read(tmp_path).entries == ()
    assert waived_controls("bastion-1", "province", str(tmp_path)) == []


def test_converge_keeps_to_waivers_also_when_they_have_expired(inventory: Path) -> None:
    assert waived_controls("bastion-1", "province", str(inventory)) == ["services-updates"]


@pytest.mark.parametrize(
    ("old", "new", "words", "mend", "line"),
    [
        ("files-tmp-noexec", "files-tmp-noexe", "no control `files-tmp-noexe`",
         "did you mean `files-tmp-noexec`", 2),
        ("files-tmp-noexec", "kernel-boot-loader", "is not applicable", "delete the waiver", 2),
        ("agency: so-y-te", "agency: so-y-t", "there is no agency `so-y-t`",
         "did you mean `so-y-te`", 3),
        ("2027-05-31", "2028-05-31", "it would hold 730 days", "for a year at most", 8),
        ("2027-05-31", "2026-05-31", "end before it was granted", "for a year at most", 8),
        ("2027-05-31", "31/05/2027", "", "", 8),
        ("    owner: Nguyễn Văn An\n", "", "`owner` is missing", "", 2),
        ("owner:", "ower:", "unknown key `ower`", "did you mean `owner`", 6),
    ],
)  # fmt: skip
def test_faults_have_place_and_mend(
    inventory: Path, old: str, new: str, words: str, mend: str, line: int
) -> None:
    (inventory / "waivers.yml").write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(HoabanError) as caught:
        waivers.read(inventory, {"so-y-te"})
    error = caught.value.errors[0] if isinstance(caught.value, ManyErrors) else caught.value
    assert words in error.what
    assert mend in (error.mend or "")
    assert error.where is not None
    assert (error.where.file, error.where.line) == (f"{inventory.name}/waivers.yml", line)
