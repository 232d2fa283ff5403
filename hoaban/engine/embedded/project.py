"""What a program's folder and its stack's configuration file say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hoaban.engine.storage.folder import write_private
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hoaban.engine.embedded.secrets import Crypter

_SECURE: Final = "secure"
_AUTONAMING: Final = "pulumi:autonaming"
# Parts of a project file that would change what is done.
_REFUSED: Final = ("options", "plugins", "packages")


def _load(file: Path) -> dict[str, Any]:
    try:
        body = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise HoabanError(
            f"cannot read the file: {error.strerror}",
            where=Location(file=str(file)),
            mend="check the path of the stack's program and configuration",
        ) from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise HoabanError(
            f"not YAML: {getattr(error, 'problem', None) or error}",
            where=Location(file=str(file), line=mark.line + 1 if mark else None),
            mend="mend the file's syntax",
        ) from error
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise HoabanError(
            "not a mapping", where=Location(file=str(file)), mend="write keys and values"
        )
    return body


@dataclass(frozen=True, slots=True)
class Project:
    """``Pulumi.yaml``: the project's name, where its program is, defaults of its configuration."""

    name: str
    folder: Path
    main: Path
    config: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Project:
        """Read the project file of a folder; only programs in Python are run."""
        file = folder / "Pulumi.yaml"
        body = _load(file)
        name = body.get("name")
        if not isinstance(name, str) or not name:
            raise HoabanError(
                "the project has no name", where=Location(file=str(file)), mend="add: name: ..."
            )
        runtime = body.get("runtime")
        language = runtime.get("name") if isinstance(runtime, dict) else runtime
        if language != "python":
            raise HoabanError(
                f"the embedded engine runs Python programs only, not {language}",
                where=Location(file=str(file), key="runtime"),
                mend="use the pulumi command for this stack",
            )
        for key in _REFUSED:
            if body.get(key):
                raise HoabanError(
                    f"{key} in the project file is not supported by the embedded engine",
                    where=Location(file=str(file), key=key),
                    mend="use the pulumi command for this stack, or take the key out",
                )
        main = folder / str(body.get("main") or ".")
        main = main if main.suffix == ".py" else main / "__main__.py"
        if not main.is_file():
            raise HoabanError(
                f"there is no program: {main}",
                where=Location(file=str(file)),
                mend="write __main__.py beside Pulumi.yaml, or say where it is with main:",
            )
        return cls(name, folder, main, _defaults(name, body.get("config") or {}))


def _defaults(project: str, config: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            value = value.get("value", value.get("default"))  # noqa: PLW2901
        if value is not None:
            found[full_key(project, key)] = value
    return found


def full_key(project: str, key: str) -> str:
    """A configuration key with its namespace, which is the project's unless given."""
    return key if ":" in key else f"{project}:{key}"


@dataclass(slots=True)
class StackConfig:
    """``Pulumi.<stack>.yaml``. ``values`` are as in the file: secrets still encrypted."""

    file: Path
    salt: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, file: Path) -> StackConfig:
        """Read the file; one that is not there is empty."""
        if not file.exists():
            return cls(file)
        body = _load(file)
        for key in ("secretsprovider", "encryptedkey", "environment"):
            if body.get(key):
                raise HoabanError(
                    f"{key} is not supported by the embedded engine: secrets are kept under a "
                    "passphrase, and configuration in this file",
                    where=Location(file=str(file), key=key),
                    mend="use the pulumi command for this stack, or take the key out",
                )
        return cls(file, str(body.get("encryptionsalt") or ""), body.get("config") or {})

    def save_salt(self, salt: str) -> None:
        """Note the salt in the file, first, as the official command does; the rest stays."""
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        write_private(self.file, f"encryptionsalt: {salt}\n{text}".encode())
        self.salt = salt

    def resolve(
        self, project: Project, overrides: Mapping[str, str | Secret], crypter: Crypter
    ) -> dict[str, str | Secret]:
        """All configuration as programs get it: strings, objects as JSON, secrets marked."""
        values: dict[str, Any] = dict(project.config)
        values.update({full_key(project.name, key): one for key, one in self.values.items()})
        resolved = {key: _resolve(value, crypter) for key, value in values.items()}
        resolved.update({full_key(project.name, key): one for key, one in overrides.items()})
        if _AUTONAMING in resolved:
            raise HoabanError(
                "automatic names by configuration are not supported by the embedded engine",
                where=Location(file=str(self.file), key=_AUTONAMING),
                mend="name the resources in the program, or use the pulumi command",
            )
        return resolved


def _resolve(value: Any, crypter: Crypter) -> str | Secret:
    plain, secret = _decrypt(value, crypter)
    text = plain if isinstance(plain, str) else json.dumps(plain, separators=(",", ":"))
    return Secret(text) if secret else text


def decrypted(value: Any, crypter: Crypter) -> Any:
    """A configuration value in plain text."""
    return _decrypt(value, crypter)[0]


def _decrypt(value: Any, crypter: Crypter) -> tuple[Any, bool]:
    if isinstance(value, dict):
        if set(value) == {_SECURE}:
            return crypter.decrypt(str(value[_SECURE])), True
        parts = {key: _decrypt(item, crypter) for key, item in value.items()}
        return {k: plain for k, (plain, _) in parts.items()}, any(s for _, s in parts.values())
    if isinstance(value, list):
        items = [_decrypt(item, crypter) for item in value]
        return [plain for plain, _ in items], any(secret for _, secret in items)
    return value, False
