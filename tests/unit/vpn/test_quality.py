"""What circuits were like in a month: summed up on hubs, judged here, told on a page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from hoaban.cli import app
from hoaban.console import stderr, stdout
from hoaban.errors import HoabanError, UsageError
from hoaban.inventory import sshconfig
from hoaban.inventory.fleet import Fleet
from hoaban.report.links import write
from hoaban.vpn import measured, tally
from hoaban.vpn.quality import Quality, Tally, judge, minutes_so_far, month_of
from tests.unit.vpn.test_site import province

if TYPE_CHECKING:
    from hoaban.model import Province

__all__ = ["province"]
LINK = "xa-b/tru-so/primary"
END = datetime(2026, 12, 1, tzinfo=UTC)
"""Its promise: 99.5 %, 40 ms, 0.5 % lost."""


def line(minute: int, received: int = 10, link: str = LINK, rtt: float = 5.0) -> str:
    day, hour, rest = minute // 1440 + 1, minute // 60 % 24, minute % 60
    return json.dumps(
        {
            "time": f"2026-11-{day:02}T{hour:02}:{rest:02}:05Z",
            "link": link,
            "address": "192.0.2.9",
            "sent": 10,
            "received": received,
            "rtt_min_ms": rtt if received else None,
            "rtt_avg_ms": rtt if received else None,
            "rtt_max_ms": rtt if received else None,
        }
    )


def of(*lines: str) -> dict[str, Tally]:
    """What a hub tells of lines of its file, by way of JSON."""
    text = json.dumps(tally.tally(lines))
    return TypeAdapter(dict[str, Tally]).validate_json(text)


def judged(province: Province, *hubs: dict[str, Tally], now: datetime = END) -> Quality:
    found = judge(province, "2026-11", hubs, now)
    assert [one.link for one in found] == [
        "so-a/tru-so/primary",
        "so-a/tru-so/backup",
        LINK,
    ]
    return found[-1]


def test_a_promise_that_was_kept(province: Province) -> None:
    one = judged(province, of(*(line(minute) for minute in range(30 * 1440))))
    assert (one.minutes, one.covered) == (43_200, 100.0)
    assert (one.availability, one.loss, one.latency_ms) == (100.0, 0.0, 5.0)
    assert (one.kept, one.broken) == (True, [])


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        ([line(minute, 0 if minute < 6 else 10) for minute in range(1000)],
         ["availability", "loss"]),
        ([line(minute, rtt=40.6) for minute in range(10)], ["latency_ms"]),
        ([line(minute, 9) for minute in range(10)], ["loss"]),
    ],
)  # fmt: skip
def test_what_was_broken_is_named(province: Province, lines: list[str], broken: list[str]) -> None:
    one = judged(province, of(*lines))
    assert (one.kept, one.broken) == (False, broken)


def test_a_minute_is_up_when_any_hub_had_an_answer(province: Province) -> None:
    first = of(line(0, 0), line(1, 10), line(2, 0))
    second = of(line(0, 10), line(1, 10), line(3, 0))
    one = judged(province, first, second)
    assert one.minutes == 4
    assert one.availability == 50.0
    assert one.loss == 50.0


def test_nothing_measured_is_nothing_judged(province: Province) -> None:
    one = judged(province, of(line(0, link="so-a/tru-so/primary")))
    assert (one.minutes, one.covered, one.kept, one.availability) == (0, 0.0, None, None)
    found = judge(province, "2026-11", [of(line(0, link="so-a/tru-so/primary"))], END)
    assert found[0].availability == 100.0
    assert found[0].kept is None, "nothing was promised"


def test_a_month_under_way_is_covered_by_what_has_passed(province: Province) -> None:
    now = datetime(2026, 11, 1, 0, 10, tzinfo=UTC)
    assert judged(province, of(*(line(minute) for minute in range(5))), now=now).covered == 50.0
    assert minutes_so_far("2026-12", now) == 0
    assert minutes_so_far("2026-02", now) == 28 * 1440


def test_lines_that_were_cut_off_are_left_out(province: Province) -> None:
    cut = line(3)
    broken = ["", "null", "[1]", cut[:40], cut.replace("10", '"x"'), '{"time": "2026-11-99T00:00"}']
    assert judged(province, of(*broken, line(0))).minutes == 1


def test_the_program_for_hubs_needs_nothing_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "2026-11.jsonl"
    file.write_text(f"{line(0)}\n{line(1, 0)}\n")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-", str(file)],
        input=Path(tally.__file__).read_text("utf-8"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert TypeAdapter(dict[str, Tally]).validate_json(done.stdout) == of(line(0), line(1, 0))


@pytest.mark.parametrize("text", ["2026-13", "2026", "2026-1", "../2026-11"])
def test_what_is_no_month_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="is no month"):
        month_of(text)


def test_page_and_json_say_the_same(province: Province, tmp_path: Path) -> None:
    found = judge(province, "2026-11", [of(line(0), line(1, 0))], END)
    page, data = write(tmp_path, province, "2026-11", found)
    assert json.loads(data.read_text("utf-8"))["circuits"][2]["broken"] == ["availability", "loss"]
    text = page.read_text("utf-8")
    assert "Chất lượng đường truyền tháng 2026-11" in text
    assert "Quality of circuits in 2026-11" in text
    assert "Xã B: Trụ sở" in text
    assert "50.0 %" in text
    assert text.count('class="mark fail"') == 1
    assert text.count('class="mark skip"') == 2
    assert not re.search(r"\b(src|href)=", text), "nothing is loaded"


def test_the_verb_writes_both_and_says_who_is_left_out(
    province: Province, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOABAN_ROOT", str(tmp_path))
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    monkeypatch.setattr(Fleet, "read", lambda _: estate("a", "b"))
    monkeypatch.setattr(sshconfig, "write", lambda *_: tmp_path / "ssh_config")
    told = ([of(line(0))], {"b": "no route to host"})
    monkeypatch.setattr(measured, "collect", lambda *_: told)
    for console in (stdout, stderr):
        console.cache_clear()
    done = CliRunner().invoke(app, ["links", "report", "--month", "2026-11"])
    assert done.exit_code == 0, done.output
    assert "left out: b: no route to host" in done.stderr
    folder = tmp_path / ".hoaban/reports/links"
    assert {path.name for path in folder.iterdir()} == {"links-2026-11.html", "links-2026-11.json"}
    assert province.links.circuits


def estate(*names: str) -> Any:
    hosts = {
        name: SimpleNamespace(name=name, plan=SimpleNamespace(services=["vpn_hub"]))
        for name in names
    }
    return SimpleNamespace(hosts=hosts)


def remote(**answers: Any) -> Any:
    return SimpleNamespace(
        each=lambda names, work: {name: work(name) for name in names},
        run=lambda name, *_, **__: answers[name],
    )


def test_a_hub_that_is_silent_is_told_and_the_other_counts() -> None:
    good = SimpleNamespace(ok=True, stdout=json.dumps(tally.tally([line(0)])), stderr="", status=0)
    bad = SimpleNamespace(ok=False, stdout="", stderr="no route to host", status=255)
    found, silent = measured.collect(remote(a=good, b=bad), estate("a", "b"), "2026-11")
    assert [list(one) for one in found] == [[LINK]]
    assert silent == {"b": "no route to host"}
    with pytest.raises(HoabanError, match="no hub has measurements of 2026-11: b: no route"):
        measured.collect(remote(b=bad), estate("b"), "2026-11")
    with pytest.raises(HoabanError, match="no VPN hub has been built"):
        measured.collect(remote(), estate(), "2026-11")
