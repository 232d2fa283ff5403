"""The module that writes configuration files, on files of its own."""

from __future__ import annotations

import getpass
import grp
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils.testing import patch_module_args

from hoaban.plugins.modules import config_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Module = Callable[..., dict[str, Any]]

ME = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}


@pytest.fixture
def write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Module:
    """Runs the module; its result. Files belong to whoever runs the tests."""
    spec = config_files.AnsibleModule

    def as_me(argument_spec: dict[str, Any], **options: Any) -> Any:
        for name in ("files", "folders"):
            for key, value in ME.items():
                argument_spec[name]["options"][key] = {"type": "str", "default": value}
        return spec(argument_spec=argument_spec, **options)

    def run(*files: dict[str, Any], check: bool = False, **more: Any) -> dict[str, Any]:
        arguments = {"files": list(files), **more, "_ansible_check_mode": check}
        arguments |= {"_ansible_remote_tmp": str(tmp_path), "_ansible_keep_remote_files": False}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            config_files.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    monkeypatch.setattr(config_files, "AnsibleModule", as_me)
    monkeypatch.setattr(config_files, "OWNED", ME)
    return run


def test_writes_only_what_differs(write: Module, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("one\n")
    first.chmod(0o644)
    files = (
        {"path": str(first), "content": "one\n"},
        {"path": str(second), "content": "hai\n", "mode": "0600"},
    )
    assert write(*files, check=True)["paths"] == [str(second)]
    assert not second.exists()
    result = write(*files)
    assert result["paths"] == [str(second)]
    assert result["diff"] == [
        {
            "before_header": str(second),
            "after_header": str(second),
            "before": "",
            "after": "hai\n",
        }
    ]
    assert second.read_text() == "hai\n"
    assert second.stat().st_mode & 0o777 == 0o600
    assert write(*files)["changed"] is False


def test_sets_permissions_alone(write: Module, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    path.chmod(0o666)
    item = {"path": str(path), "content": "x", "mode": "0640"}
    assert write(item, check=True)["paths"] == [str(path)]
    assert path.stat().st_mode & 0o777 == 0o666
    assert write(item)["paths"] == [str(path)]
    assert path.stat().st_mode & 0o777 == 0o640


def test_writes_nothing_when_one_file_is_not_valid(write: Module, tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    result = write(
        {"path": str(good), "content": "ok\n", "validate": "grep -q ok %s"},
        {"path": str(bad), "content": "no\n", "validate": "grep ok %s"},
    )
    assert result["failed"] is True
    assert f"{bad} is not valid, nothing was written" in result["msg"]
    assert not good.exists()
    assert not bad.exists()


def test_validates_in_check_mode_too(write: Module, tmp_path: Path) -> None:
    item = {"path": str(tmp_path / "bad"), "content": "no\n", "validate": "grep ok %s"}
    assert write(item, check=True)["failed"] is True


def test_a_validation_without_its_file(write: Module, tmp_path: Path) -> None:
    result = write({"path": str(tmp_path / "x"), "content": "no\n", "validate": "true"})
    assert "has no %s" in result["msg"]


def test_follows_a_link(write: Module, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    assert write({"path": str(link), "content": "new"})["paths"] == [str(link)]
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_removes_a_file(write: Module, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    assert write({"path": str(path)}, check=True)["paths"] == [str(path)]
    assert path.exists()
    assert write({"path": str(path)})["paths"] == [str(path)]
    assert not path.exists()
    assert write({"path": str(path)})["changed"] is False


def test_a_folder_holds_exactly_what_is_given(write: Module, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    exact = [{"path": str(folder), "files": {"an": ["key 1", "key 2"]}}]
    assert write(exact=exact, check=True)["paths"] == [str(folder), str(folder / "an")]
    assert not folder.exists()
    write(exact=exact)
    (folder / "former").write_text("key 3\n")
    assert write(exact=exact)["paths"] == [str(folder / "former")]
    assert [path.name for path in folder.iterdir()] == ["an"]
    assert (folder / "an").read_text() == "key 1\nkey 2\n"
    assert write(exact=exact)["changed"] is False


def test_makes_folders_first(write: Module, tmp_path: Path) -> None:
    folder = tmp_path / "a/b"
    item = {"path": str(folder / "file"), "content": "x"}
    result = write(item, folders=[{"path": str(folder), "mode": "0750"}])
    assert result["paths"] == [str(folder), str(folder / "file")]
    assert folder.stat().st_mode & 0o777 == 0o750
