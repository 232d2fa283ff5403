"""Property values on the wire: ``google.protobuf.Struct`` with Pulumi's signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import struct_pb2

from hoaban.engine.embedded.assets import hash_archive, hash_asset
from hoaban.engine.embedded.properties import (
    ARCHIVE_SIGNATURE,
    ASSET_SIGNATURE,
    OUTPUT_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE,
    UNKNOWN_STRING,
)
from hoaban.engine.values import UNKNOWN, Secret, Unknown

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.values import PropertyMap, PropertyValue

# Every kind of unknown has a string of its own (sdk/go/common/resource/plugin/rpc.go).
_UNKNOWN_STRINGS = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)


def from_struct(struct: struct_pb2.Struct, folder: Path) -> PropertyMap:
    """The values that a program sent; files of assets are read relative to ``folder``."""
    return {key: from_value(value, folder) for key, value in struct.fields.items()}


def from_value(value: struct_pb2.Value, folder: Path) -> PropertyValue:
    """One value that a program sent."""
    match value.WhichOneof("kind"):
        case "string_value":
            text = value.string_value
            return UNKNOWN if text in _UNKNOWN_STRINGS else text
        case "number_value":
            number = value.number_value
            # The wire knows doubles only; state and providers say 5, not 5.0.
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _special(from_struct(value.struct_value, folder), folder)
        case "list_value":
            return [from_value(item, folder) for item in value.list_value.values]
    return None


def _special(value: PropertyMap, folder: Path) -> PropertyValue:
    match value.get(SIGNATURE):
        case s if s == SECRET_SIGNATURE:
            inner = value.get("value")
            return inner if isinstance(inner, Secret) else Secret(inner)
        case s if s == OUTPUT_SIGNATURE:
            inner = value.get("value", UNKNOWN)
            return Secret(inner) if value.get("secret") else inner
        case s if s == ASSET_SIGNATURE:
            return hash_asset(value, folder)
        case s if s == ARCHIVE_SIGNATURE:
            return hash_archive(value, folder)
    return value


def to_struct(values: PropertyMap) -> struct_pb2.Struct:
    """Values as a program takes them, secrets signed."""
    struct = struct_pb2.Struct()
    _fill(struct.fields, values)
    return struct


def _fill(fields: Any, values: PropertyMap) -> None:
    for key, item in values.items():
        _set(fields[key], item)


def _set(target: struct_pb2.Value, value: PropertyValue) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, Unknown):
        target.string_value = UNKNOWN_STRING
    elif isinstance(value, dict):
        target.struct_value.SetInParent()
        _fill(target.struct_value.fields, value)
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        for item in value:
            _set(target.list_value.values.add(), item)
    elif isinstance(value, Secret):
        fields = target.struct_value.fields
        fields[SIGNATURE].string_value = SECRET_SIGNATURE
        _set(fields["value"], value.value)
    else:
        raise TypeError(f"a provider gave a value of type {type(value).__name__}")
