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

from hoaban.engine.storage import open_storage
from hoaban.errors import HoabanError, Location
from hoaban.model.outputs import SCHEMA_VERSION, StackOutputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.storage import Place

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
    file: str
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


def read_stacks(backend: Place) -> list[StackState]:
    """All stacks of the toolkit in a backend, the province's first, then agencies by slug.

    Stacks of other programs and stacks with nothing left in them are passed over.
    """
    keys = [one.key.split("/") for one in open_storage(backend).list("stacks/")]
    found = [
        state
        for _, project, file in keys
        if file.endswith(".json")
        and (state := read_stack(backend, project, file.removesuffix(".json"))) is not None
    ]
    return sorted(found, key=lambda state: state.outputs.environment.agency or "")


def read_stack(backend: Place, project: str, stack: str) -> StackState | None:
    """One stack of a backend; None when there is none, or when it exports no environment."""
    storage = open_storage(backend)
    key = f"stacks/{project}/{stack}.json"
    content = storage.read(key)
    if content is None:
        return None
    where = storage.where(key)
    try:
        outputs = _stack_outputs(_parsed(content))
    except _DamagedError as error:
        raise _unreadable(backend, project, stack, str(error)) from None
    if "environment" not in outputs or "schema_version" not in outputs:
        return None
    entries = f"{stack}-", ".history.json"
    history = [
        one
        for one in storage.list(f"history/{project}/{stack}/")
        if one.key.rpartition("/")[2].startswith(entries[0]) and one.key.endswith(entries[1])
    ]
    canonical = json.dumps(outputs, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return StackState(
        project=project,
        stack=stack,
        file=where,
        outputs=_validated(outputs, where),
        version=len(history),
        updated=datetime.fromtimestamp(storage.modified(key) or 0, UTC),
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
    )


class _DamagedError(Exception):
    """What is wrong with a checkpoint."""


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(content)
    except ValueError as error:
        raise _DamagedError(f"the stack's state cannot be read: {error}") from None
    version = body.get("version") if isinstance(body, dict) else None
    if version not in CHECKPOINT_VERSIONS:
        raise _DamagedError(f"not a checkpoint of version 3 or 4 (it says {version!r})")
    return dict(body)


def _stack_outputs(content: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        latest = content["checkpoint"].get("latest") or {}
        resources = latest.get("resources") or []
        stacks = [resource for resource in resources if resource["type"] == STACK_TYPE]
        outputs: Mapping[str, Any] = (stacks[0].get("outputs") or {}) if stacks else {}
    except (AttributeError, KeyError, TypeError) as error:
        raise _DamagedError(f"the checkpoint is damaged: {error!r}") from error
    return outputs


def _validated(outputs: Mapping[str, Any], file: str) -> StackOutputs:
    version = outputs["schema_version"]
    if isinstance(version, int | float) and version > SCHEMA_VERSION:
        raise HoabanError(
            f"the stack's outputs have schema version {version:g}, "
            f"this hoaban knows {SCHEMA_VERSION}",
            where=Location(file=file),
            mend="use the newer hoaban that wrote this state",
        )
    known = {key: value for key, value in outputs.items() if key in StackOutputs.model_fields}
    for key, value in known.items():
        if isinstance(value, dict) and SIGNATURE_KEY in value:
            raise HoabanError(
                f"the stack's output {key} is secret, the inventory reads plain ones",
                where=Location(file=file, key=f"outputs.{key}"),
                mend="keep secret values out of what the program exports under this name",
            )
    try:
        return StackOutputs.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise HoabanError(
            f"the stack's outputs are not what this hoaban expects: {first['msg']}",
            where=Location(file=file, key=f"outputs.{place}"),
            mend="export them again with this version's program: hoaban up",
            detail=None if error.error_count() == 1 else f"{error.error_count()} such places",
        ) from error


def _unreadable(place: Place, project: str, stack: str, what: str) -> HoabanError:
    """The error of the engine that keeps the state, so that every verb tells the same."""
    # Only here: Ansible loads this module at every start, and the engine takes its time.
    from hoaban.engine.embedded.backend import Backend, StackName  # noqa: PLC0415
    from hoaban.engine.embedded.state import StateFormatError  # noqa: PLC0415

    backend, name = Backend(place), StackName(project, stack)
    try:
        backend.read(name)
    except HoabanError as error:
        return error
    return backend.explain(name, StateFormatError(what))
