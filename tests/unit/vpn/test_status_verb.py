"""``hoaban vpn status`` against an ``ssh`` that answers as a hub does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.testing import estate
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

HOST = "so-y-te-portal-app-1"
ANSWER: dict[str, Any] = {
    "time": 10_000,
    "interfaces": [
        {
            "name": "wg-sites",
            "up": True,
            "public_key": "OWN",
            "listen_port": 51820,
            "peers": [
                {
                    "name": "xa-long-sap",
                    "public_key": "PUB",
                    "endpoint": "203.0.113.9:4000",
                    "handshake": 9_940,
                    "received_bytes": 2048,
                    "sent_bytes": 7,
                },
                {
                    "name": "xa-xa",
                    "public_key": "PUB2",
                    "endpoint": None,
                    "handshake": None,
                    "received_bytes": 0,
                    "sent_bytes": 0,
                },
            ],
        }
    ],
    "neighbours": [
        {
            "name": "xa-long-sap",
            "address": "10.64.1.1",
            "asn": 4_200_000_001,
            "interface": "wg-sites",
            "state": "Established",
        }
    ],
    "virtual": {"addresses": ["10.20.0.2"], "held": True},
}


@pytest.fixture
def provisioned(tmp_path: Path) -> Workspace:
    root = tmp_path / "province"
    (root / "inventory").mkdir(parents=True)
    (root / "inventory/province.yml").touch()
    workspace = Workspace(root, root / ".hoaban")
    estate.write_estate(workspace.backend)
    return workspace


def call(
    workspace: Workspace, answer: str, status: int, *words: str
) -> subprocess.CompletedProcess[str]:
    """The verb, with an ``ssh`` that notes what it was asked for and answers."""
    tools = workspace.root / "bin"
    tools.mkdir()
    (tools / "answer").write_text(answer)
    ssh = tools / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" > {tools}/asked\ncat {tools}/answer\nexit {status}\n')
    ssh.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if "HOABAN" not in key}
    return subprocess.run(
        [sys.executable, "-m", "hoaban", "vpn", "status", *words],
        cwd=workspace.root,
        env=environment | {"PATH": f"{tools}:{os.environ['PATH']}", "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_table(provisioned: Workspace) -> None:
    done = call(provisioned, json.dumps(ANSWER), 0, HOST)
    assert done.returncode == 0, done.stderr
    asked = (provisioned.root / "bin/asked").read_text()
    assert asked.endswith(f"{HOST} -- sudo hoaban-wireguard status\n")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [HOST + ":", "holds", "10.20.0.2"] in lines
    long_sap = next(line for line in lines if "xa-long-sap" in line)
    assert long_sap[2:] == [
        "203.0.113.9:4000",
        "0:01:00",
        "ago",
        *["2.0", "KiB", "7", "B"],
        "Established",
    ]
    never = next(line for line in lines if "xa-xa" in line)
    assert never[2:] == ["—", "never", "0", "B", "0", "B", "—"]


def test_json(provisioned: Workspace) -> None:
    done = call(provisioned, json.dumps(ANSWER), 0, HOST, "--json")
    told = json.loads(done.stdout)["hosts"]
    assert [entry["host"] for entry in told] == [HOST]
    assert told[0]["virtual"] == ANSWER["virtual"]


def test_a_hub_that_does_not_answer(provisioned: Workspace) -> None:
    done = call(provisioned, "", 255, HOST)
    assert done.returncode == 1
    assert f"{HOST} can't be asked" in done.stderr
    assert f"hoaban ssh {HOST}" in done.stderr


def test_an_unknown_host(provisioned: Workspace) -> None:
    done = call(provisioned, "", 0, "nobody")
    assert done.returncode != 0
    assert "nobody" in done.stderr
