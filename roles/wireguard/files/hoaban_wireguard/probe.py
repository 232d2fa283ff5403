"""Probes lines, and keeps what came of it: the command ``hoaban-link-probe``.

Results go to ``/var/lib/hoaban/links/YYYY-MM.jsonl`` (the month of UTC), one line a line and run::

    {"time": "2026-11-22T23:00:05Z", "link": "…", "address": "…", "sent": 10, "received": 10,
     "rtt_min_ms": 3.1, "rtt_avg_ms": 3.4, "rtt_max_ms": 5.0}

``rtt_…`` are null when nothing came back. Files are only ever appended to; old ones are removed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

PROBES = Path("/etc/hoaban/probes.json")
RESULTS = Path(os.environ.get("HOABAN_LINKS_DIR", "/var/lib/hoaban/links"))
TEXTFILES = Path("/var/lib/prometheus/node-exporter")
"""Where Debian's node exporter looks for values of others; written only where it is there."""
PACKETS = 10
PERIOD_MS = 1000

# fping(8) on its standard error, after all: "ADDRESS : xmt/rcv/%loss = 10/9/10%, min/avg/max = …"
_LINE = re.compile(
    r"^(\S+)\s*: xmt/rcv/%loss = (\d+)/(\d+)/[\d.]+%"
    r"(?:, min/avg/max = ([\d.]+)/([\d.]+)/([\d.]+))?$",
    re.MULTILINE,
)

Record = dict[str, Any]


def parse(output: str) -> dict[str, Record]:
    """What came of each address, from the words of ``fping -q``."""
    found = {}
    for address, sent, received, *times in _LINE.findall(output):
        values = [float(text) if text else None for text in times]
        found[address] = {
            "sent": int(sent),
            "received": int(received),
            **dict(zip(("rtt_min_ms", "rtt_avg_ms", "rtt_max_ms"), values, strict=True)),
        }
    return found


def ping(addresses: list[str], source: str) -> dict[str, Record]:
    """Send packets to all addresses side by side."""
    command = ["fping", "-q", "-c", str(PACKETS), "-p", str(PERIOD_MS)]
    command += ["-S", source] if source else []
    done = subprocess.run([*command, *addresses], capture_output=True, text=True, check=False)
    return parse(done.stderr)


def probe(probes: list[Record], now: datetime) -> list[Record]:
    """A record for each line, in the order of ``probes``.

    An address that fping did not even tell of (there is no route to it) lost all packets.
    """
    nothing = dict.fromkeys(("rtt_min_ms", "rtt_avg_ms", "rtt_max_ms"))
    records = {}
    for source, group in groupby(
        sorted(probes, key=lambda item: item.get("source") or ""),
        key=lambda item: item.get("source") or "",
    ):
        items = list(group)
        found = ping(sorted({item["address"] for item in items}), source)
        for item in items:
            result = found.get(item["address"], {"sent": PACKETS, "received": 0, **nothing})
            records[item["link"]] = {
                "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
                "link": item["link"],
                "address": item["address"],
                **result,
            }
    return [records[item["link"]] for item in probes]


def append(records: list[Record], now: datetime) -> None:
    """Add to the month's file; one call of ``write``, so that no reader sees half a line."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{json.dumps(record)}\n" for record in records)
    handle = os.open(RESULTS / f"{now:%Y-%m}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def remove_old(months: int, now: datetime) -> None:
    """Remove the files of all months but this and those before it, ``months`` together."""
    count = now.year * 12 + now.month - 1 - (months - 1)
    oldest = f"{count // 12:04}-{count % 12 + 1:02}"
    for path in RESULTS.glob("????-??.jsonl"):
        if path.stem < oldest:
            path.unlink()


def export(records: list[Record]) -> None:
    """The newest values in the text format of Prometheus."""
    lines = []
    for name, key, scale in (
        ("hoaban_link_sent_packets", "sent", 1.0),
        ("hoaban_link_received_packets", "received", 1.0),
        ("hoaban_link_rtt_seconds", "rtt_avg_ms", 0.001),
    ):
        lines.append(f"# TYPE {name} gauge")
        for record in records:
            if record[key] is not None:
                link = json.dumps(record["link"])
                lines.append(f"{name}{{link={link}}} {record[key] * scale:g}")
    place = TEXTFILES / "hoaban_links.prom"
    beside = place.with_suffix(".new")
    beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    beside.replace(place)


def main() -> int:
    """Probe once; the status is 1 where the results can't be kept."""
    settings = json.loads(PROBES.read_text(encoding="utf-8"))
    now = datetime.now(UTC)
    records = probe(settings["probes"], now)
    try:
        append(records, now)
        remove_old(settings["months"], now)
        if TEXTFILES.is_dir():
            export(records)
    except OSError as error:
        print(f"hoaban-link-probe: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
