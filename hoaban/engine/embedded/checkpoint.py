"""The checkpoint format (version 3): resources to JSON and back, field by field in Go's order."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Self

from hoaban.engine.embedded.properties import SECRET_SIGNATURE, SIGNATURE, signature
from hoaban.engine.embedded.state import (
    PendingOperation,
    Resource,
    Snapshot,
    StateFormatError,
    Timeouts,
    timestamp,
)
from hoaban.engine.values import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.engine.embedded.secrets import CachingCrypter
    from hoaban.engine.values import PropertyValue

EMPTY_VERSION: Final = 0  # of a stack that was initialised and never updated
CHECKPOINT_VERSION: Final = 3
FEATURE_VERSION: Final = 4  # version 3 and a list of features in use
# Features of a state that this engine knows, and the field of a resource that brings each in.
_FEATURES: Final = {
    "hooks": "hooks",
    "refreshBeforeUpdate": "refresh_before_update",
    "replaceWith": "replace_with",
    "taint": "taint",
}
KNOWN_FEATURES: Final = frozenset(_FEATURES)
_JSON_NAMES: Final = {
    "init_errors": "initErrors",
    "property_dependencies": "propertyDependencies",
    "pending_replacement": "pendingReplacement",
    "additional_secret_outputs": "additionalSecretOutputs",
    "custom_timeouts": "customTimeouts",
    "import_id": "importID",
    "retain_on_delete": "retainOnDelete",
    "deleted_with": "deletedWith",
    "source_position": "sourcePosition",
    "ignore_changes": "ignoreChanges",
    "hide_diff": "hideDiff",
    "replace_on_changes": "replaceOnChanges",
    "replace_with": "replaceWith",
    "replacement_trigger": "replacementTrigger",
    "refresh_before_update": "refreshBeforeUpdate",
    "hooks": "resourceHooks",
}
_FIELDS: Final = [
    (one.name, _JSON_NAMES.get(one.name, one.name))
    for one in fields(Resource)
    if one.name not in ("extra", "text")
]
_TUPLES: Final = frozenset(
    one.name for one in fields(Resource) if str(one.type).startswith("tuple")
)
_KNOWN: Final = frozenset(json_name for _, json_name in _FIELDS)
_ALWAYS: Final = frozenset({"urn", "custom", "type"})
_TRIGGER: Final = "replacement_trigger"  # any value, of which only null is left out


class Codec:
    """Resources to JSON and back, secrets encrypted and decrypted on the way."""

    def __init__(self, crypter: CachingCrypter) -> None:
        self._crypter = crypter

    def resource_text(self, resource: Resource) -> str:
        """A resource as compact JSON; made once and kept with it."""
        if not resource.text:
            resource.text.append(dump(self._encode(resource)))
        return resource.text[0]

    def _encode(self, resource: Resource) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, json_name in _FIELDS:
            value = getattr(resource, name)
            if json_name not in _ALWAYS and (value is None if name == _TRIGGER else not value):
                continue
            if name in ("inputs", "outputs"):
                value = self.encode(value, f"{resource.urn}#{name}")
            elif name == _TRIGGER:
                value = self.encode(value, f"{resource.urn}#{json_name}")
            elif name in ("property_dependencies", "hooks"):
                value = {key: list(value[key]) for key in sorted(value)}
            elif isinstance(value, Timeouts):
                pairs = (
                    (key, getattr(value, key)) for key in ("create", "update", "delete", "read")
                )
                value = {key: seconds for key, seconds in pairs if seconds}
            elif name in _TUPLES:
                value = list(value)
            result[json_name] = value
        result.update(resource.extra)
        return result

    def encode(self, value: PropertyValue, place: str) -> Any:
        """A property value as JSON; ``place`` names where it stands, for its secrets."""
        if isinstance(value, Secret):
            plain = self.encode(value.value, place)
            return {
                SIGNATURE: SECRET_SIGNATURE,
                "ciphertext": self._crypter.encrypt_at(place, plain),
            }
        if isinstance(value, dict):
            return {key: self.encode(value[key], f"{place}.{key}") for key in sorted(value)}
        if isinstance(value, list | tuple):
            return [self.encode(item, f"{place}[{i}]") for i, item in enumerate(value)]
        return value

    def decode(self, value: Any, place: str) -> PropertyValue:
        """A property value from JSON."""
        if isinstance(value, dict):
            if signature(value) == SECRET_SIGNATURE:
                if "plaintext" in value:
                    return Secret(self.decode(json.loads(value["plaintext"]), place))
                plain = self._crypter.decrypt_at(place, value["ciphertext"])
                return Secret(self.decode(plain, place))
            return {key: self.decode(item, f"{place}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self.decode(item, f"{place}[{i}]") for i, item in enumerate(value)]
        return value

    def resource(self, body: Mapping[str, Any]) -> Resource:
        """A resource from its JSON object."""
        values: dict[str, Any] = {}
        for name, json_name in _FIELDS:
            if json_name not in body:
                continue
            value = body[json_name]
            if name in ("inputs", "outputs"):
                value = self.decode(value, f"{body['urn']}#{name}")
            elif name == _TRIGGER:
                value = self.decode(value, f"{body['urn']}#{json_name}")
            elif name == "custom_timeouts":
                value = Timeouts(**{k: v for k, v in value.items() if k in Timeouts.__slots__})
            elif name in _TUPLES:
                value = tuple(value or ())
            values[name] = value
        extra = {key: item for key, item in body.items() if key not in _KNOWN}
        return Resource(**values, extra=extra)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint file taken apart as far as it needs no key."""

    stack: str
    latest: Mapping[str, Any]

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a checkpoint's JSON; :class:`StateFormatError` when it is damaged or too new."""
        try:
            body = json.loads(text)
            version, checkpoint = body["version"], body["checkpoint"]
            stack, latest = checkpoint["stack"], checkpoint.get("latest") or {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateFormatError(
                f"not a checkpoint, or a part of one ({_reason(error)})"
            ) from error
        empty = version == EMPTY_VERSION and not latest
        if version not in (CHECKPOINT_VERSION, FEATURE_VERSION) and not empty:
            raise StateFormatError(
                f"checkpoint version {version} is not known (3 and 4 are)",
                mend="use the hoaban or the pulumi command that wrote it",
            )
        unknown = sorted(set(body.get("features") or ()) - KNOWN_FEATURES)
        if unknown:
            raise StateFormatError(
                f"the state uses {', '.join(unknown)}, which the embedded engine does not know",
                mend="use the pulumi command for this stack, or undo what brought these in",
            )
        _verify_magic(latest)
        return cls(stack, latest)

    @property
    def salt(self) -> str:
        """The salt of the state's secrets, empty when it has none."""
        provider = self.latest.get("secrets_providers") or {}
        kind = provider.get("type", "passphrase")
        if kind != "passphrase":
            raise StateFormatError(
                f"the state's secrets are kept by {kind}; only passphrases are known here",
                mend="pulumi stack change-secrets-provider passphrase",
            )
        return str((provider.get("state") or {}).get("salt", ""))

    def snapshot(self, codec: Codec) -> Snapshot:
        """The resources, decrypted."""
        latest = self.latest
        try:
            return Snapshot(
                resources=[codec.resource(body) for body in latest.get("resources") or ()],
                pending=[
                    PendingOperation(codec.resource(body["resource"]), body["type"])
                    for body in latest.get("pending_operations") or ()
                ],
                salt=self.salt,
                metadata=latest.get("metadata") or {},
                extra={key: value for key, value in latest.items() if key not in _LATEST},
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise StateFormatError(f"a resource is damaged: {_reason(error)}") from error


_LATEST: Final = frozenset(
    {"manifest", "secrets_providers", "resources", "pending_operations", "metadata"}
)


def _reason(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)


def _verify_magic(latest: Mapping[str, Any]) -> None:
    manifest = latest.get("manifest")
    if not manifest or not manifest.get("magic"):
        return
    if manifest["magic"] != magic(manifest.get("version", "")):
        raise StateFormatError("the manifest's magic number does not fit its version")


def magic(version: str) -> str:
    """What proves that a manifest was not cut off: the digest of its version."""
    return hashlib.sha256(version.encode()).hexdigest()


def dump(value: Any) -> str:
    """Compact JSON, as the official engine writes it (NaN is no JSON, and refused)."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def write_checkpoint(stack: str, snapshot: Snapshot, codec: Codec, *, version: str) -> bytes:
    """A checkpoint file; ``version`` is the engine's, ``stack`` the full name."""
    latest = [
        '"manifest":' + dump({"time": timestamp(), "magic": magic(version), "version": version}),
        '"secrets_providers":' + dump({"type": "passphrase", "state": {"salt": snapshot.salt}}),
    ]
    if snapshot.resources:
        texts = ",".join(map(codec.resource_text, snapshot.resources))
        latest.append(f'"resources":[{texts}]')
    if snapshot.pending:
        texts = ",".join(
            f'{{"resource":{codec.resource_text(one.resource)},"type":{dump(one.type)}}}'
            for one in snapshot.pending
        )
        latest.append(f'"pending_operations":[{texts}]')
    latest += [f"{dump(key)}:{dump(value)}" for key, value in snapshot.extra.items()]
    latest.append(f'"metadata":{dump(snapshot.metadata)}')
    used = [
        feature
        for feature, field in _FEATURES.items()
        if any(getattr(resource, field) for resource in snapshot.resources)
    ]
    head = f'{{"version":4,"features":{dump(used)},' if used else '{"version":3,'
    body = ",".join(latest)
    return f'{head}"checkpoint":{{"stack":{dump(stack)},"latest":{{{body}}}}}}}'.encode()
