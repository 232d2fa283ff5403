"""The journal of drills: whatever is changed in it is found."""

from __future__ import annotations

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoaban.backup.journal import FIRST, Head, Journal, digest_of, signed
from hoaban.errors import HoabanError

WORDS = st.text(max_size=12)
RECORDS = st.lists(
    st.dictionaries(WORDS, WORDS | st.integers() | st.booleans() | st.lists(WORDS, max_size=3)),
    min_size=1,
    max_size=6,
)


def written(folder: Path, records: list[dict[str, Any]]) -> Journal:
    journal = Journal(folder)
    for record in records:
        journal.append(record)
    return journal


def test_entries_come_back_in_order_and_are_chained(tmp_path: Path) -> None:
    journal = written(tmp_path, [{"agency": "so-y-te"}, {"agency": "xã"}])
    first, second = journal.entries()
    assert (first.number, first.previous, first.record) == (1, FIRST, {"agency": "so-y-te"})
    assert (second.number, second.previous) == (2, first.digest)
    assert journal.read().head == Head(number=2, digest=second.digest)
    assert journal.file.stat().st_mode & 0o777 == 0o600
    assert "xã" in journal.file.read_text(encoding="utf-8")


def test_an_empty_journal_holds(tmp_path: Path) -> None:
    assert Journal(tmp_path).entries() == ()
    assert Journal(tmp_path).read().head == Head()


@settings(max_examples=150, deadline=None)
@given(records=RECORDS, data=st.data())
def test_any_change_of_a_byte_is_found(records: list[dict[str, Any]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = written(Path(folder), records)
        content = journal.file.read_bytes()
        place = data.draw(st.integers(0, len(content) - 1), label="place")
        other = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
        kind = data.draw(st.sampled_from(["replace", "insert", "delete"]))
        before, after = content[:place], content[place + 1 :]
        changed = {
            "replace": before + bytes([other]) + after,
            "insert": before + bytes([other]) + content[place:],
            "delete": before + after,
        }[kind]
        journal.file.write_bytes(changed)
        assert journal.read().fault
        with pytest.raises(HoabanError, match="changed or damaged"):
            journal.append({"agency": "another"})


@settings(max_examples=60, deadline=None)
@given(records=RECORDS, data=st.data())
def test_entries_taken_out_doubled_or_swapped_are_found(
    records: list[dict[str, Any]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = written(Path(folder), records)
        lines = journal.file.read_bytes().splitlines(keepends=True)
        one = data.draw(st.integers(0, len(lines) - 1), label="one")
        two = data.draw(st.integers(0, len(lines) - 1), label="two")
        kind = data.draw(st.sampled_from(["take out", "double", "swap", "cut"]))
        changed = list(lines)
        match kind:
            case "take out":
                del changed[one]
            case "double":
                changed.insert(two, lines[one])
            case "swap":
                changed[one], changed[two] = changed[two], changed[one]
            case "cut":
                changed = changed[:one]
        journal.file.write_bytes(b"".join(changed))
        assert bool(journal.read().fault) == (changed != lines)


def test_an_entry_forged_with_a_digest_of_its_own_breaks_the_chain(tmp_path: Path) -> None:
    journal = written(tmp_path, [{"verdict": "failed"}, {"verdict": "proved"}])
    first, second = journal.entries()
    record = {"verdict": "proved"}
    digest = digest_of(signed(1, first.time, FIRST, record))
    forged = first.model_copy(update={"record": record, "digest": digest})
    journal.file.write_text(f"{forged.line}\n{second.line}\n", encoding="utf-8")
    reading = journal.read()
    assert reading.fault == "entry 2 does not follow the one before"
    assert reading.line == 2


def test_the_head_tells_that_the_newest_was_rewritten(tmp_path: Path) -> None:
    journal = written(tmp_path, [{"verdict": "failed"}])
    (only,) = journal.entries()
    digest = digest_of(signed(1, only.time, FIRST, {"verdict": "proved"}))
    forged = only.model_copy(update={"record": {"verdict": "proved"}, "digest": digest})
    journal.file.write_text(f"{forged.line}\n", encoding="utf-8")
    assert "of which its head knows" in journal.read().fault


def test_a_head_that_was_not_written_any_more_is_no_fault(tmp_path: Path) -> None:
    journal = written(tmp_path, [{"n": 1}])
    behind = journal.head_file.read_bytes()
    journal.append({"n": 2})
    journal.head_file.write_bytes(behind)
    assert [entry.record for entry in journal.entries()] == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("content", [None, b"", b"{}x"])
def test_a_head_that_is_gone_or_damaged_is_told(tmp_path: Path, content: bytes | None) -> None:
    journal = written(tmp_path, [{"n": 1}])
    journal.head_file.unlink()
    if content is not None:
        journal.head_file.write_bytes(content)
    assert "its head" in journal.read().fault


def test_writers_side_by_side_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Journal(tmp_path).append({"n": n}), range(24)))
    entries = Journal(tmp_path).entries()
    assert sorted(entry.record["n"] for entry in entries) == list(range(24))
    assert json.loads(Journal(tmp_path).head_file.read_text())["number"] == 24
