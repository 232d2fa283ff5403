"""Property values: secrets in and out, unknowns, paths, masks.

Assets, archives and resource references stay the signed objects of Pulumi's format inside the
engine (``{"4dab…": "c440…", "path": …}``); only secrets and unknowns have types of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hoaban.engine.values import UNKNOWN, Asset, Secret, Unknown
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.engine.values import PropertyMap, PropertyValue

# Signatures of sdk/go/common/resource/sig: random, fixed for ever.
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a public constant)
ASSET_SIGNATURE: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

MASK: Final = "[secret]"


def signature(value: PropertyValue) -> str | None:
    """The signature of a special object, None for any other value."""
    if isinstance(value, dict):
        found = value.get(SIGNATURE)
        return found if isinstance(found, str) else None
    return None


def contains_unknown(value: PropertyValue) -> bool:
    """Whether anything in a value is not known yet."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, Secret):
        return contains_unknown(value.value)
    if isinstance(value, dict):
        return any(contains_unknown(item) for item in value.values())
    return isinstance(value, list) and any(contains_unknown(item) for item in value)


def contains_secret(value: PropertyValue) -> bool:
    """Whether anything in a value is secret."""
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(contains_secret(item) for item in value.values())
    return isinstance(value, list) and any(contains_secret(item) for item in value)


def reveal(value: PropertyValue) -> PropertyValue:
    """The same value with no :class:`Secret` in it."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def mask(value: PropertyValue) -> PropertyValue:
    """The same value, fit to be shown: secrets are ``[secret]``."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, dict):
        return {key: mask(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mask(item) for item in value]
    return value


def keep_secrets(values: PropertyMap, inputs: PropertyMap) -> PropertyMap:
    """Outputs or checked inputs, secret wherever the inputs they came from were.

    A list that holds a secret makes the whole list secret: its items may have moved.
    """
    if not contains_secret(inputs):
        return values
    result = dict(values)
    for key, given in inputs.items():
        if key not in values or isinstance(values[key], Secret):
            continue
        if isinstance(given, dict) and isinstance(values[key], dict):
            result[key] = keep_secrets(values[key], given)
        elif contains_secret(given):
            result[key] = Secret(reveal(values[key]))
    return result


def mark_secret(values: PropertyMap, names: Iterable[str]) -> PropertyMap:
    """The same map with the named properties secret."""
    result = dict(values)
    for name in names:
        if name in result and not isinstance(result[name], Secret):
            result[name] = Secret(reveal(result[name]))
    return result


def for_provider(values: PropertyMap, *, urn: str) -> PropertyMap:
    """Values as a provider takes them: no secrets, references as ids, assets as such."""
    return {key: _for_provider(value, urn) for key, value in values.items()}


def _for_provider(value: PropertyValue, urn: str) -> PropertyValue:
    if isinstance(value, Secret):
        return _for_provider(value.value, urn)
    if isinstance(value, list):
        return [_for_provider(item, urn) for item in value]
    if not isinstance(value, dict):
        return value
    match signature(value):
        case None:
            return {key: _for_provider(item, urn) for key, item in value.items()}
        case s if s == RESOURCE_SIGNATURE:
            return value.get("id", value["urn"]) or UNKNOWN
        case s if s in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
            source = {key: one for key, one in value.items() if key not in (SIGNATURE, "hash")}
            return Asset(s, source, value.get("hash", ""))
    raise HoabanError(
        f"{urn} has a value of a kind that the embedded engine does not know",
        mend="use the pulumi command for this stack, or do without it",
    )


def normalise(value: Any) -> PropertyValue:
    """Plain JSON types of whatever sequence or mapping types a provider used."""
    if isinstance(value, dict):
        return {str(key): normalise(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [normalise(item) for item in value]
    if isinstance(value, Secret):
        return Secret(normalise(value.value))
    if isinstance(value, Asset):
        return {SIGNATURE: value.signature, "hash": value.sha256, **value.source}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
