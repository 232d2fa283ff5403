"""``hoaban stack``, ``hoaban state`` and ``hoaban secrets``, as they are typed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from hoaban import console
from hoaban.cli import app
from hoaban.engine.embedded import secrets, stackfiles
from hoaban.engine.embedded.custody import held
from hoaban.engine.embedded.state import Resource
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError
from hoaban.provision.named import named
from hoaban.provision.stacks import stack_for
from hoaban.workspace import Workspace
from tests.cloud.province import SmallProvince

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.api import Stack

AGENCY = "so-thu-nghiem"
URN = f"urn:pulumi:{AGENCY}::agency::"
ROOT = Resource(
    urn=f"{URN}pulumi:pulumi:Stack::agency-{AGENCY}",
    type="pulumi:pulumi:Stack",
    custom=False,
    outputs={"size": 3, "token": Secret("rất kín")},
)
PROVIDER = Resource(
    urn=f"{URN}pulumi:providers:openstack::p",
    type="pulumi:providers:openstack",
    custom=True,
    id="1",
)
NETWORK = Resource(
    urn=f"{URN}openstack:networking/network:Network::net",
    type="openstack:networking/network:Network",
    custom=True,
    id="n-1",
    provider=f"{PROVIDER.urn}::1",
    protect=True,
)


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "PBKDF2_COUNT", 1000)
    secrets._derive.cache_clear()


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """An agency's stack, with a network in it."""
    small = SmallProvince(tmp_path / "checkout")
    small.department["slug"] = AGENCY
    small.write()
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text(yaml.safe_dump({"clouds": {"lab": {"auth": {"auth_url": "http://x"}}}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
    monkeypatch.setenv("HOABAN_ROOT", str(small.folder))
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    made = stack_for(named(Workspace.find(), AGENCY))
    stackfiles.init(made)
    with held(made) as one:
        resources = [replace(one) for one in (ROOT, PROVIDER, NETWORK)]
        one.commit(replace(one.snapshot, resources=resources), "made", kind="update")
    return made


def run(*words: str, given: str | None = None) -> tuple[int, str]:
    console.stdout.cache_clear()  # it keeps the standard output it was first used with
    console.stderr.cache_clear()
    result = CliRunner().invoke(app, list(words), input=given)
    console.stdout.cache_clear()
    console.stderr.cache_clear()
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def told(*words: str, given: str | None = None) -> Any:
    code, text = run(*words, "--json", given=given)
    assert code == 0, text
    return json.loads(text)


def test_ls_history_output(stack: Stack) -> None:
    (row,) = told("stack", "ls")
    assert (row["name"], row["resourceCount"], row["version"]) == (f"agency/{AGENCY}", 1, 1)
    assert not row["updateInProgress"]
    assert f"agency/{AGENCY}" in run("stack", "ls")[1]
    (entry,) = told("stack", "history", AGENCY)
    assert (entry["version"], entry["kind"], entry["message"]) == (1, "update", "made")
    assert told("stack", "output", AGENCY) == {"size": 3, "token": "[secret]"}
    assert told("stack", "output", AGENCY, "--show-secrets")["token"] == "rất kín"
    assert run("stack", "output", AGENCY, "--name", "size") == (0, "3\n")
    with pytest.raises(HoabanError, match="no output `none`"):
        run("stack", "output", AGENCY, "--name", "none")


def test_export_and_import(stack: Stack, tmp_path: Path) -> None:
    text = run("stack", "export", AGENCY)[1]
    assert "rất kín" not in text
    file = tmp_path / "state.json"
    run("stack", "export", AGENCY, "--file", str(file), "--show-secrets")
    assert "rất kín" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(HoabanError, match="nobody is here to be asked"):
        run("stack", "import", AGENCY, "--file", str(file))
    assert told("stack", "import", AGENCY, "--yes", given=text)["resources"] == 3
    assert json.loads(run("stack", "export", AGENCY, "--version", "1")[1]) == json.loads(text)


def test_state_verbs(stack: Stack) -> None:
    assert told("state", "verify", AGENCY)["problems"] == []
    with pytest.raises(HoabanError, match="protected"):
        run("state", "delete", NETWORK.urn, "--yes")
    assert told("state", "unprotect", "--all", AGENCY, "--yes")["unprotected"] == [NETWORK.urn]
    renamed = told("state", "rename", NETWORK.urn, "net2", "--yes")["urn"]
    assert renamed.endswith("::net2")
    assert told("state", "delete", renamed, "--yes")["deleted"] == [{"urn": renamed, "id": "n-1"}]
    assert told("stack", "ls")[0]["resourceCount"] == 0
    listed = told("state", "restore", AGENCY)
    assert listed[-1]["version"] == 4
    back = told("state", "restore", AGENCY, "--version", "1", "--yes")
    assert (back["resources"], back["back"]) == (3, [NETWORK.urn])
    assert told("state", "repair", AGENCY, "--yes") == {
        "stack": f"agency/{AGENCY}", "done": [], "left": [],
    }  # fmt: skip


def test_rename_rm_init(stack: Stack) -> None:
    assert told("stack", "rename", AGENCY, "so-moi", "--yes")["stack"] == "agency/so-moi"
    (row,) = told("stack", "ls")
    assert row["name"] == "agency/so-moi"
    with pytest.raises(HoabanError, match="there is no stack"):
        run("stack", "export", AGENCY)
    with pytest.raises(HoabanError, match="still has 1 resources"):
        run("stack", "rm", "so-moi", "--yes")
    assert told("stack", "rm", "so-moi", "--force", "--yes")["left"]
    assert told("stack", "ls") == []
    assert told("stack", "init", AGENCY)["made"]
    with pytest.raises(HoabanError, match="no agency `so-moi`"):
        run("stack", "export", "so-moi")


def test_a_new_passphrase_for_one_and_then_for_all(stack: Stack) -> None:
    common = stack.passphrase_file.read_text()
    (one,) = told("secrets", "rotate", AGENCY, "--yes")
    assert one["left"] == []
    assert stack.passphrases is not None
    own = stack.passphrases / f"agency.{AGENCY}"
    assert own.read_text() != common
    assert stack.passphrase_file.read_text() == common, "of the other stacks"
    assert told("stack", "output", AGENCY, "--show-secrets")["token"] == "rất kín"
    told("secrets", "rotate", "--all", "--yes")
    assert stack.passphrase_file.read_text() != common
    assert not own.exists()
    assert list(stack.passphrases.iterdir()) == []
    assert not stack.passphrase_file.with_name("passphrase.next").exists()
    assert told("stack", "output", AGENCY, "--show-secrets")["token"] == "rất kín"


def test_all_goes_on_where_it_was_interrupted(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hoaban.provision import rotation  # noqa: PLC0415

    real = rotation.rotate_one

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rotation, "rotate_one", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rotation.rotate_all(Workspace.find(), "first choice", lambda _: None)
    monkeypatch.setattr(rotation, "rotate_one", real)
    rotation.rotate_all(Workspace.find(), "another one", lambda _: None)
    assert stack.passphrase_file.read_text().strip() == "first choice"
    assert told("stack", "output", AGENCY, "--show-secrets")["token"] == "rất kín"
