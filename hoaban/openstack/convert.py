"""Objects of the cloud's API to properties and back, by the fields that declare them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.openstack.schema import Field, Kind, is_zero

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hoaban.engine.values import PropertyMap, PropertyValue


def from_api(spec: Field, raw: Any) -> PropertyValue:
    """A value of the API as a property; None when the API says nothing."""
    if raw is None:
        return None
    match spec.kind:
        case Kind.LIST | Kind.SET:
            if spec.element is Kind.OBJECT:
                return [object_from_api(spec.fields, item) for item in raw]
            return [_scalar(spec.element, item) for item in raw]
        case Kind.OBJECT:
            return object_from_api(spec.fields, raw)
        case Kind.MAP:
            return {str(key): _as_text(value) for key, value in raw.items()}
        case _:
            return _scalar(spec.kind, raw)


def object_from_api(fields: Iterable[Field], raw: Mapping[str, Any]) -> PropertyMap:
    """An object of the API as properties; what the API leaves out is left out."""
    found: PropertyMap = {}
    for spec in fields:
        if (attribute := spec.attribute) is None:
            continue
        value = from_api(spec, raw.get(attribute))
        if value is None and spec.computed:
            value = spec.zero
        if value is not None:
            found[spec.name] = value
    return found


def to_api(spec: Field, value: PropertyValue) -> Any:
    """A property as the API takes it."""
    if spec.kind in (Kind.LIST, Kind.SET) and spec.element is Kind.OBJECT:
        return [object_to_api(spec.fields, item) for item in value]
    if spec.kind is Kind.OBJECT:
        return object_to_api(spec.fields, value)
    return value


def object_to_api(fields: Iterable[Field], values: PropertyMap) -> dict[str, Any]:
    """Properties as an object of the API: what is absent or an empty string is not sent."""
    body: dict[str, Any] = {}
    for spec in fields:
        value = values.get(spec.name)
        attribute = spec.attribute
        if attribute is None or spec.output or value is None or value == "":
            continue
        body[attribute] = to_api(spec, value)
    return body


def told(fields: Iterable[Field], found: Mapping[str, Any], prior: PropertyMap) -> PropertyMap:
    """Outputs that are attributes of ``found``, or of ``prior`` where the API does not tell them.

    ``prior`` is what was asked last.
    """
    fields = tuple(fields)
    from_cloud = object_from_api(fields, found)
    outputs: PropertyMap = {}
    for spec in fields:
        if spec.stored:
            value = prior.get(spec.name)
        elif spec.managed and is_zero(prior.get(spec.name)):
            value = None
        else:
            value = from_cloud.get(spec.name)
        if value is not None:
            outputs[spec.name] = value
    return outputs


def told_once(fields: Iterable[Field], outputs: PropertyMap) -> PropertyMap:
    """Outputs that the cloud tells only at the create (a private key)."""
    return {
        spec.name: outputs[spec.name]
        for spec in fields
        if spec.output and spec.stored and spec.name in outputs
    }


def changed_value(spec: Field, value: PropertyValue) -> Any:
    """A changed property as the API takes it; one that is no longer given is reset."""
    if value is None:
        value = spec.default
    if value is None or (value == "" and spec.reset is None and spec.attribute != "name"):
        return spec.reset if spec.reset is not None else _RESET.get(spec.kind)
    return to_api(spec, value)


_RESET: dict[Kind, Any] = {Kind.LIST: [], Kind.SET: [], Kind.MAP: {}}


def _scalar(kind: Kind, raw: Any) -> PropertyValue:
    match kind:
        case Kind.INTEGER:
            return int(raw or 0)  # Nova says "" to a swap of nothing
        case Kind.NUMBER:
            return float(raw)
        case Kind.BOOLEAN:
            return raw if isinstance(raw, bool) else str(raw).lower() == "true"
        case Kind.MAP:
            return {str(key): _as_text(value) for key, value in raw.items()}
        case _:
            return _as_text(raw)


def _as_text(raw: Any) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return raw if isinstance(raw, str) else str(raw)
