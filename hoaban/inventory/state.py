"""Reads what stacks exported from the state that their engine keeps, without any call to a cloud.

The layout and the checkpoint are those of Pulumi's file backend
(``.pulumi/stacks/<project>/<stack>.json``), whichever engine wrote them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from hoaban.errors import HoabanError, Location
from hoaban.model.outputs import SCHEMA_VERSION, StackOutputs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CHECKPOINT_VERSIONS: Final = (3, 4)
STACK_TYPE: Final = "pulumi:pulumi:Stack"
DRILL_PROJECT: Final = "drill"
"""Project of the scratch servers of restore drills."""
SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"


@dataclass(frozen=True, slots=True)
class StackState:
    """One stack's outputs and where they stand.

    ``version`` counts the updates in the stack's history; ``digest`` is the SHA-256 (hex) of the
    outputs in a canonical form: two stacks with one digest promise the same.
    """

    project: str
    stack: str
    file: Path
    outputs: StackOutputs
    version: int
    updated: datetime
    digest: str

    @property
    def drill(self) -> bool:
        """Whether it is no environment that anybody was promised, but a drill's scratch server."""
        return self.project == DRILL_PROJECT

    @property
    def key(self) -> str:
        """``province`` or ``agency-<slug>``: names files that belong to this stack's hosts."""
        agency = self.outputs.environment.agency
        return "province" if agency is None else f"agency-{agency}"


def read_stacks(backend: Path) -> list[StackState]:
    """All stacks of the toolkit in a backend, the province's first, then agencies by slug.

    Stacks of other programs and stacks with nothing left in them are passed over.
    """
    folder = backend / ".pulumi" / "stacks"
    found = [
        state for file in sorted(folder.glob("*/*.json")) if (state := read_stack(file)) is not None
    ]
    return sorted(found, key=lambda state: state.outputs.environment.agency or "")


def read_stack(file: Path) -> StackState | None:
    """The stack in one checkpoint file; None when it exports no environment."""
    content = _load(file)
    outputs = _stack_outputs(content, file)
    if "environment" not in outputs or "schema_version" not in outputs:
        return None
    project, stack = file.parent.name, file.stem
    history = file.parents[2] / "history" / project / stack
    canonical = json.dumps(outputs, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return StackState(
        project=project,
        stack=stack,
        file=file,
        outputs=_validated(outputs, file),
        version=sum(1 for _ in history.glob(f"{stack}-*.history.json")),
        updated=datetime.fromtimestamp(file.stat().st_mtime, UTC),
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def _load(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise _unreadable(file, f"the stack's state cannot be read: {error}") from None
    version = content.get("version") if isinstance(content, dict) else None
    if version not in CHECKPOINT_VERSIONS:
        raise _unreadable(file, f"not a checkpoint of version 3 or 4 (it says {version!r})")
    return dict(content)


def _stack_outputs(content: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    try:
        latest = content["checkpoint"].get("latest") or {}
        resources = latest.get("resources") or []
        stacks = [resource for resource in resources if resource["type"] == STACK_TYPE]
        outputs: Mapping[str, Any] = (stacks[0].get("outputs") or {}) if stacks else {}
    except (AttributeError, KeyError, TypeError) as error:
        raise _unreadable(file, f"the checkpoint is damaged: {error!r}") from error
    return outputs


def _validated(outputs: Mapping[str, Any], file: Path) -> StackOutputs:
    version = outputs["schema_version"]
    if isinstance(version, int | float) and version > SCHEMA_VERSION:
        raise HoabanError(
            f"the stack's outputs have schema version {version:g}, "
            f"this hoaban knows {SCHEMA_VERSION}",
            where=Location(file=str(file)),
            mend="use the newer hoaban that wrote this state",
        )
    known = {key: value for key, value in outputs.items() if key in StackOutputs.model_fields}
    for key, value in known.items():
        if isinstance(value, dict) and SIGNATURE_KEY in value:
            raise HoabanError(
                f"the stack's output {key} is secret, the inventory reads plain ones",
                where=Location(file=str(file), key=f"outputs.{key}"),
                mend="keep secret values out of what the program exports under this name",
            )
    try:
        return StackOutputs.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise HoabanError(
            f"the stack's outputs are not what this hoaban expects: {first['msg']}",
            where=Location(file=str(file), key=f"outputs.{place}"),
            mend="export them again with this version's program: hoaban up",
            detail=None if error.error_count() == 1 else f"{error.error_count()} such places",
        ) from error


def _unreadable(file: Path, what: str) -> HoabanError:
    """The error of the engine that keeps the state, so that every verb tells the same."""
    # Only here: Ansible loads this module at every start, and the engine takes its time.
    from hoaban.engine.embedded.backend import Backend, StackName  # noqa: PLC0415
    from hoaban.engine.embedded.state import StateFormatError  # noqa: PLC0415

    backend, name = Backend(file.parents[3]), StackName(file.parent.name, file.stem)
    try:
        backend.read(name)
    except HoabanError as error:
        return error
    return backend.explain(name, StateFormatError(what))
