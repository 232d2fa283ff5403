"""What messages say of an object, and what they must not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.openstack.errors import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hoaban.engine.provider import ProviderError
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.schema import Field


def redacted(error: ProviderError, hidden: set[str]) -> ProviderError:
    """The same error without the ``hidden`` values in its words."""
    error.what = redact(error.what, hidden) or ""
    error.detail = redact(error.detail, hidden)
    error.common = redact(error.common, hidden)
    error.args = (error.what,)
    return error


def hidden_values(fields: Sequence[Field], props: PropertyMap) -> Iterator[str]:
    """Values that must not be shown, wherever they are inside."""
    for spec in fields:
        value = props.get(spec.name)
        if (spec.secret or spec.hidden) and isinstance(value, str):
            yield value
        for item in value if isinstance(value, list) else [value]:
            if spec.fields and isinstance(item, dict):
                yield from hidden_values(spec.fields, item)


def name_of(urn: str, props: PropertyMap) -> str:
    """What people call an object: its own name, else the resource's."""
    name = props.get("name")
    return name if isinstance(name, str) and name else urn.rpartition("::")[2]
