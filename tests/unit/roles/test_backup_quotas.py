"""Limits of what clients keep: which orders xfs_quota gets, and what is said where it can't."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "roles/backup_host/files"))
import hoaban_backup_quotas as quotas  # noqa: E402

GIB = 1024**2


class Volume:
    """What the programs for a volume answer, and what they were told."""

    def __init__(self, fstype: str = "xfs", options: str = "rw,noatime,prjquota") -> None:
        self.mounted = {"fstype": fstype, "options": options}
        self.projects: dict[str, int] = {}
        self.orders: list[str] = []

    def run(self, *command: str) -> str:
        match command:
            case ["findmnt", *_]:
                return json.dumps({"filesystems": [self.mounted]})
            case ["xfs_io", *_, folder]:
                return f"projid = {self.projects.get(folder, 0)}\n"
            case ["xfs_quota", "-x", *words, mount]:
                assert mount == "/srv/backup"
                assert words[::2] == ["-c"] * len(words[::2])
                self.orders += words[1::2]
                return ""
        raise AssertionError(command)


@pytest.fixture
def volume(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Volume:
    made = Volume()
    monkeypatch.setattr(quotas, "run", made.run)
    monkeypatch.setattr(quotas.shutil, "chown", lambda *_: None)
    monkeypatch.setattr(quotas, "REPORT", tmp_path / "quotas.json")
    monkeypatch.setattr(quotas.projects, "__defaults__", (tmp_path / "projid",))
    return made


def settings(folder: Path) -> dict[str, Any]:
    store = folder / "restic"
    store.mkdir(exist_ok=True)
    return {"mount": "/srv/backup", "store": str(store), "user": "restic-rest-server"}


def report(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "quotas.json").read_text())
    return told


def test_each_client_is_a_project_with_its_limit(volume: Volume, tmp_path: Path) -> None:
    clients: dict[str, Any] = {"so-y-te": {"quota_gb": 5}, "xa-long-sap": {"quota_gb": 0}}
    assert quotas.limit(settings(tmp_path), clients, more=False) == 0
    assert volume.orders == [
        f"project -s -p {tmp_path}/restic/so-y-te 1000",
        f"limit -p bhard={5 * GIB}k 1000",
        f"project -s -p {tmp_path}/restic/xa-long-sap 1001",
        "limit -p bhard=0k 1001",  # of a limit that was taken away
    ]
    assert (tmp_path / "restic/so-y-te").stat().st_mode & 0o777 == 0o700
    assert report(tmp_path) == {"schema": 1, "enforced": True, "why": ""}


def test_a_folder_that_is_a_project_is_not_walked_again(volume: Volume, tmp_path: Path) -> None:
    where = settings(tmp_path)
    volume.projects[f"{where['store']}/so-y-te"] = 1000
    quotas.limit(where, {"so-y-te": {"quota_gb": 5}}, more=False)
    assert volume.orders == [f"limit -p bhard={5 * GIB}k 1000"]


def test_the_maintenance_gets_room(volume: Volume, tmp_path: Path) -> None:
    quotas.limit(settings(tmp_path), {"a": {"quota_gb": 10}, "b": {"quota_gb": 0}}, more=True)
    assert f"limit -p bhard={11 * GIB + 256 * 1024}k 1000" in volume.orders
    assert "limit -p bhard=0k 1001" in volume.orders


def test_numbers_stay_and_those_of_others_are_left_alone(volume: Volume, tmp_path: Path) -> None:
    path = tmp_path / "projid"
    path.write_text("# of the machine\nlogs:1007")
    assert quotas.projects(["b", "a"], path) == {"logs": 1007, "b": 1008, "a": 1009}
    assert quotas.projects(["c", "a"], path)["c"] == 1010
    assert path.read_text() == "# of the machine\nlogs:1007\nb:1008\na:1009\nc:1010\n"


def test_copies_of_other_backup_hosts_have_no_limit_here(volume: Volume, tmp_path: Path) -> None:
    clients = {"backup-1": {"quota_gb": 0, "copies": True}}
    assert quotas.limit(settings(tmp_path), clients, more=False) == 0
    assert volume.orders == []


@pytest.mark.parametrize(
    ("fstype", "options", "why"),
    [
        ("ext4", "rw,prjquota", "/srv/backup is ext4"),
        ("xfs", "rw,noquota", "mounted without prjquota: mount it anew, or reboot"),
    ],
)
def test_a_volume_that_enforces_none_is_told(
    volume: Volume,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fstype: str,
    options: str,
    why: str,
) -> None:
    volume.mounted = {"fstype": fstype, "options": options}
    assert quotas.limit(settings(tmp_path), {"a": {"quota_gb": 1}}, more=False) == 0
    assert volume.orders == []
    assert why in capsys.readouterr().err
    assert not report(tmp_path)["enforced"]
    assert why in report(tmp_path)["why"]
    # Who limits nothing is not bothered.
    quotas.limit(settings(tmp_path), {"a": {"quota_gb": 0}}, more=False)
    assert capsys.readouterr().err == ""


def test_a_limit_that_could_not_be_set_is_a_failure(
    volume: Volume,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*command: str) -> str:
        if command[0] == "xfs_quota":
            raise OSError("xfs_quota: cannot set limits: Operation not permitted")
        return volume.run(*command)

    monkeypatch.setattr(quotas, "run", broken)
    assert quotas.limit(settings(tmp_path), {"a": {"quota_gb": 1}}, more=False) == 1
    assert "Operation not permitted" in capsys.readouterr().err
    assert not report(tmp_path)["enforced"]
