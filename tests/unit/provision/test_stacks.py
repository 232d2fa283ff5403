from __future__ import annotations

import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from hoaban.errors import HoabanError, UsageError
from hoaban.provision import engine_for, stack_for
from hoaban.provision.credentials import find_entry
from hoaban.provision.engines import provider
from hoaban.provision.secrets import deploy_key, passphrase_file
from hoaban.provision.stacks import config_file
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cloud.province import SmallProvince


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_agencys_stack(small: SmallProvince) -> None:
    target = small.target()
    stack = stack_for(target, {"agency:x": "y"})
    assert stack.program == toolkit_root() / "stacks" / "agency"
    assert stack.name == "so-thu-nghiem"
    assert stack.config == {"agency:x": "y"}
    assert stack.environment == {
        "HOABAN_ROOT": str(small.folder),
        "HOABAN_HOME": str(small.folder / ".hoaban"),
        "OS_CLOUD": "lab",
        "OS_CLIENT_CONFIG_FILE": str(small.folder.parent / "clouds.yaml"),
    }


def test_the_foundations_stack_is_named_after_the_province(small: SmallProvince) -> None:
    target = small.target(None)
    stack = stack_for(target)
    assert (stack.program.name, stack.name) == ("province", "thu-nghiem")
    assert stack.config_file == config_file(target)
    assert stack.config_file.name == "Pulumi.thu-nghiem.yaml"
    assert stack.config_file.parent == small.workspace.stack_config / "province"


def test_a_region_reaches_the_default_provider(small: SmallProvince) -> None:
    small.province["cloud"]["region"] = "son-la-1"
    assert stack_for(small.target()).config == {"openstack:region": "son-la-1"}


def test_the_first_use_makes_passphrase_and_key_for_the_owners_eyes(small: SmallProvince) -> None:
    stack = stack_for(small.target())
    key = deploy_key(small.workspace)
    assert mode(stack.passphrase_file) == 0o600
    assert mode(key) == 0o600
    assert mode(key.parent) == 0o700
    assert len(stack.passphrase_file.read_text().strip()) >= 43  # 32 bytes in base64
    assert key.with_suffix(".pub").read_text().startswith("ssh-ed25519 ")


def test_the_second_use_finds_the_same(small: SmallProvince) -> None:
    first = passphrase_file(small.workspace).read_text(), deploy_key(small.workspace).read_text()
    second = passphrase_file(small.workspace).read_text(), deploy_key(small.workspace).read_text()
    assert first == second


def test_a_lost_public_half_is_made_again(small: SmallProvince) -> None:
    public = deploy_key(small.workspace).with_suffix(".pub")
    before = public.read_text().split()[:2]
    public.unlink()
    deploy_key(small.workspace)
    assert public.read_text().split()[:2] == before


def test_a_damaged_key_is_told(small: SmallProvince) -> None:
    key = deploy_key(small.workspace)
    key.with_suffix(".pub").unlink()
    key.write_text("no key\n")
    with pytest.raises(HoabanError, match="ssh-keygen failed") as caught:
        deploy_key(small.workspace)
    assert isinstance(caught.value.__cause__, subprocess.CalledProcessError)


def test_a_lost_passphrase_is_not_replaced_while_there_are_stacks(small: SmallProvince) -> None:
    state = small.workspace.backend / ".pulumi" / "stacks" / "agency" / "so-thu-nghiem.json"
    state.parent.mkdir(parents=True)
    state.write_text("{}")
    with pytest.raises(HoabanError, match="passphrase of the stacks is gone"):
        passphrase_file(small.workspace)


def test_an_unknown_cloud_is_told_with_those_that_are_known(small: SmallProvince) -> None:
    small.province["cloud"]["name"] = "dien-bien"
    with pytest.raises(HoabanError, match="has an entry `dien-bien`") as caught:
        stack_for(small.target())
    assert "lab" in caught.value.what
    assert caught.value.where is not None
    assert caught.value.where.key == "cloud.name"


def test_the_labs_own_file_is_the_last_resort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "none.yaml"))
    monkeypatch.setenv("HOABAN_LAB_DIR", str(tmp_path))
    (tmp_path / "clouds.yaml").write_text("clouds: {lab: {auth: {auth_url: 'http://x/v3'}}}\n")
    assert find_entry("lab", tmp_path / "province.yml").file == tmp_path / "clouds.yaml"


def test_a_broken_clouds_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text("clouds: [what\n")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    with pytest.raises(HoabanError, match=r"clouds\.yaml cannot be read"):
        find_entry("lab", tmp_path / "province.yml")


def test_engines_by_name() -> None:
    assert engine_for().name == "embedded"
    assert engine_for("embedded").name == "embedded"
    with pytest.raises(UsageError, match="no engine `steam`"):
        engine_for("steam")


def test_only_openstack_is_provided() -> None:
    assert provider("openstack", "5.5.3").package == "openstack"
    with pytest.raises(HoabanError, match="no provider for the package `aws`"):
        provider("aws", "6.0.0")
