"""Addresses and networks in one spelling, so that equal ones compare equal."""

from __future__ import annotations

from ipaddress import collapse_addresses, ip_address, ip_network
from typing import TYPE_CHECKING

from hoaban.engine.provider import CheckFailure
from hoaban.engine.values import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.engine.values import PropertyValue


def address(value: PropertyValue) -> PropertyValue:
    """An IP address in its normal form (RFC 5952 for IPv6); other text as it is."""
    try:
        return str(ip_address(str(value).strip("[]")))
    except ValueError:
        return str(value).lower()


def address_of_text(value: PropertyValue) -> PropertyValue:
    """An IP address in its normal form; other text as it is, case and all (a DNS record)."""
    try:
        return str(ip_address(str(value).strip("[]")))
    except ValueError:
        return str(value)


def network(value: PropertyValue) -> PropertyValue:
    """A network in its normal form; other text as it is."""
    try:
        return str(ip_network(str(value), strict=False))
    except ValueError:
        return str(value).lower()


def collapsed(values: Iterable[str]) -> list[str]:
    """Networks with neighbours joined, so that what covers the same addresses is the same."""
    try:
        networks = [ip_network(value) for value in values]
        four = collapse_addresses(one for one in networks if one.version == 4)  # noqa: PLR2004
        six = collapse_addresses(one for one in networks if one.version == 6)  # noqa: PLR2004
        return [*map(str, four), *map(str, six)]
    except ValueError:
        return sorted(values)


def is_address(value: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def lower(value: PropertyValue) -> PropertyValue:
    """Text in which case does not count."""
    return str(value).lower()


def check_network(name: str, value: PropertyValue) -> Sequence[CheckFailure]:
    """What is wrong with a network written as ``address/length``."""
    if value is None or isinstance(value, Unknown):
        return ()
    try:
        ip_network(str(value), strict=True)
    except ValueError as error:
        return (CheckFailure(name, f"{value!r} is not a network: {error}"),)
    return ()


def check_address(name: str, value: PropertyValue) -> Sequence[CheckFailure]:
    """What is wrong with an IP address."""
    if value in (None, "") or isinstance(value, Unknown):
        return ()
    try:
        ip_address(str(value))
    except ValueError:
        return (CheckFailure(name, f"{value!r} is not an IP address"),)
    return ()
