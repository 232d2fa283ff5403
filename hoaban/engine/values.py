"""Property values as engines and providers pass them.

A property value is ``None``, ``bool``, ``int``, ``float``, ``str``, a ``list`` or a ``dict`` (with
``str`` keys) of property values, or one of the special values below. Pulumi's wire format knows
the same set (sdk/proto: ``google.protobuf.Struct`` with signatures).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

PropertyValue = Any
PropertyMap = dict[str, PropertyValue]


class Unknown:
    """The type of :data:`UNKNOWN`: a value that is only known once its resource exists."""

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        return False


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that may not be shown, and is stored encrypted. Never printed by ``repr``."""

    value: PropertyValue

    def __repr__(self) -> str:
        return "[secret]"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, a text, what is behind an address, or an archive of such.

    ``signature`` tells assets from archives; ``source`` has ``path``, ``text``, ``uri`` or
    ``assets`` (by name), as in Pulumi's format; ``sha256`` is the digest of the content, hex.
    """

    signature: str
    source: PropertyMap
    sha256: str
