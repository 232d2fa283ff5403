"""Changes one of 200 peers, and sees that the sessions of the others go on as they were."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path("/etc/hoaban/wireguard")
PEERS = 200
LIVE = 3
"""How many of them are really there, as further interfaces of this host."""


def out(*command: str, stdin: str | None = None) -> str:
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=True
    ).stdout.strip()


def write(name: str, private: str, settings: dict[str, object]) -> None:
    (FOLDER / f"{name}.key").write_text(private + "\n")
    (FOLDER / f"{name}.json").write_text(json.dumps({"name": name, "mtu": 1420, **settings}))


def dump() -> dict[str, list[str]]:
    lines = out("wg", "show", "wg-many", "dump").splitlines()[1:]
    return {line.split("\t")[0]: line.split("\t")[1:] for line in lines}


def main() -> int:
    private = [out("wg", "genkey") for _ in range(LIVE + 1)]
    public = [out("wg", "pubkey", stdin=key) for key in private]
    strangers = [out("wg", "pubkey", stdin=out("wg", "genkey")) for _ in range(PEERS - LIVE)]
    keys = [*public[1:], *strangers]
    peers = [
        {
            "name": f"p{number}",
            "public_key": key,
            "allowed_ips": [f"10.99.{number}.0/24"],
            "tunnel_addresses": [f"10.99.{number}.1"],
            "bandwidth_mbit": 20,
        }
        for number, key in enumerate(keys)
    ]
    many: dict[str, object] = {"listen_port": 51999, "addresses": ["10.98.0.1/32"], "peers": peers}
    write("wg-many", private[0], many)
    out("hoaban-wireguard", "up", "wg-many")
    for number in range(LIVE):
        hub = {
            "name": "hub",
            "public_key": public[0],
            "allowed_ips": ["10.98.0.1/32"],
            "endpoint": "127.0.0.1:51999",
            "keepalive": 1,
        }
        name = f"wg-live{number}"
        write(name, private[number + 1], {"addresses": [], "peers": [hub]})
        out("hoaban-wireguard", "up", name)
    deadline = time.monotonic() + 30
    while sum(fields[3] != "0" for fields in dump().values()) < LIVE:
        assert time.monotonic() < deadline, "no handshakes to begin with"
        time.sleep(0.2)
    before = dump()
    changed = strangers[50]
    next(p for p in peers if p["public_key"] == changed)["allowed_ips"] = ["10.97.0.0/24"]
    next(p for p in peers if p["public_key"] == changed)["tunnel_addresses"] = []
    write("wg-many", private[0], many)
    begun = time.monotonic()
    out("hoaban-wireguard", "sync", "wg-many")
    seconds = time.monotonic() - begun
    after = dump()
    assert len(after) == PEERS
    assert after[changed][2] == "10.97.0.0/24", after[changed]
    for key, fields in before.items():
        # Shared key, endpoint, networks stay. A peer that was made anew would have no handshake,
        # and counters of nothing. (On a busy machine the first handshake may come twice.)
        if key != changed:
            assert after[key][:3] == fields[:3], (fields, after[key])
            assert int(after[key][3]) >= int(fields[3]), (fields, after[key])
            assert int(after[key][4]) >= int(fields[4]), (fields, after[key])
            assert int(after[key][5]) >= int(fields[5]), (fields, after[key])
    # What is sent still arrives.
    time.sleep(2.5)
    last = dump()
    for key in public[1:]:
        assert int(last[key][4]) > int(before[key][4]), (before[key], last[key])
    for name in ("wg-many", *(f"wg-live{number}" for number in range(LIVE))):
        out("hoaban-wireguard", "down", name)
        (FOLDER / f"{name}.key").unlink()
        (FOLDER / f"{name}.json").unlink()
    print(f"one of {PEERS} peers changed in {seconds:.2f} s")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
