"""A state as ``pulumi stack export`` prints it and ``pulumi stack import`` takes it.

The same as a checkpoint, with ``deployment`` in place of ``checkpoint.latest``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hoaban.engine.embedded.checkpoint import Checkpoint
from hoaban.engine.embedded.properties import SECRET_SIGNATURE, SIGNATURE, signature
from hoaban.engine.embedded.state import StateFormatError
from hoaban.engine.embedded.urns import Urn
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.embedded.secrets import Crypter
    from hoaban.engine.embedded.state import Resource

Json = dict[str, Any]


def exported(checkpoint: bytes, crypter: Crypter | None = None) -> Json:
    """The deployment in a checkpoint file; with a crypter its secrets are in plain text."""
    body = json.loads(checkpoint)
    head = {key: body[key] for key in ("version", "features") if key in body}
    latest = body["checkpoint"].get("latest") or {}
    if crypter is not None:
        latest = secrets_replaced(latest, lambda one: _shown(one, crypter))
    return {**head, "deployment": latest}


def _shown(secret: Json, crypter: Crypter) -> Json:
    if "ciphertext" not in secret:
        return secret
    plain = secrets_replaced(
        json.loads(crypter.decrypt(secret["ciphertext"])), lambda one: _shown(one, crypter)
    )
    text = json.dumps(plain, separators=(",", ":"), ensure_ascii=False)
    return {SIGNATURE: SECRET_SIGNATURE, "plaintext": text}


def secrets_replaced(value: Any, change: Callable[[Json], Json]) -> Any:
    """JSON of a state with each secret in it, an object of its own, replaced."""
    if isinstance(value, dict):
        if signature(value) == SECRET_SIGNATURE:
            return change(value)
        return {key: secrets_replaced(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [secrets_replaced(item, change) for item in value]
    return value


def encrypted(value: Any) -> bool:
    """Whether JSON of a state has a ciphertext in it."""
    if isinstance(value, dict):
        if signature(value) == SECRET_SIGNATURE:
            return "ciphertext" in value
        return any(map(encrypted, value.values()))
    return isinstance(value, list) and any(map(encrypted, value))


def imported(text: bytes, name: StackName) -> Checkpoint:
    """A deployment taken for the state of a stack; raises when it is none."""
    try:
        body = json.loads(text)
        latest = body["deployment"]
        head = {key: body[key] for key in ("version", "features") if key in body}
    except (ValueError, KeyError, TypeError) as error:
        raise HoabanError(
            "not a deployment: it should be JSON with `version` and `deployment`",
            mend="give what `hoaban stack export` or `pulumi stack export` printed",
        ) from error
    content = {**head, "checkpoint": {"stack": str(name), "latest": latest or {}}}
    try:
        return Checkpoint.parse(json.dumps(content).encode())
    except StateFormatError as error:
        raise HoabanError(
            f"the deployment cannot be used: {error.what}", mend=error.mend
        ) from error


def strangers(resources: Iterable[Resource], name: StackName) -> list[str]:
    """URNs that are not of this stack."""
    found = []
    for one in resources:
        try:
            urn = Urn.parse(one.urn)
        except ValueError:
            found.append(one.urn)
            continue
        if (urn.project, urn.stack) != (name.project, name.stack):
            found.append(one.urn)
    return found
