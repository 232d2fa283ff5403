"""Give indexes out and take them back; never move one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.errors import HoabanError
from hoaban.model.addresses import (
    BLOCK_IPV4,
    BLOCK_IPV6,
    FIRST_HOST_OFFSET,
    LAST_HOST_OFFSET,
    NETWORK_IPV4,
    NETWORK_IPV6,
    capacity,
)
from hoaban.model.ledger import Base, Bases, Book, Key, needed
from hoaban.model.problems import near, raise_all

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from hoaban.errors import Location
    from hoaban.model.spec import AgencySpec, Pools, ProvinceSpec

POOL_OF = {"agency": "agencies", "site": "sites", "zone": "province"}
"""Name of the pool that each kind of network is taken from."""
_PREFIX_OF = {
    "agency": (BLOCK_IPV4, BLOCK_IPV6),
    "site": (NETWORK_IPV4, NETWORK_IPV6),
    "zone": (NETWORK_IPV4, NETWORK_IPV6),
}


def bases_of(pools: Pools) -> Bases:
    """The first addresses of pools."""

    def base(name: str) -> Base:
        pool = getattr(pools, name)
        return Base(ipv4=pool.ipv4.network_address, ipv6=pool.ipv6.network_address)

    return Bases(province=base("province"), agencies=base("agencies"), sites=base("sites"))


def missing(book: Book, province: ProvinceSpec, agencies: Mapping[str, AgencySpec]) -> list[Key]:
    """What the inventory has and the ledger has not."""
    return [key for key in needed(province, agencies) if key not in book.indexes]


def retired(book: Book, province: ProvinceSpec, agencies: Mapping[str, AgencySpec]) -> list[Key]:
    """What the ledger has and the inventory no longer has: tombstones."""
    wanted = set(needed(province, agencies))
    return sorted(key for key in book.indexes if key not in wanted)


def allocate(
    book: Book,
    province: ProvinceSpec,
    agencies: Mapping[str, AgencySpec],
    place: Callable[[Key], Location] | None = None,
) -> dict[Key, int]:
    """Give each thing that has none the lowest free index; the book is changed.

    Returns what was given. Raises, and changes nothing, when a pool or a network is full;
    ``place`` says where in the files that would be mended.
    """
    taken = book.taken()
    free: dict[tuple[str, str, str], Iterator[int]] = {}
    given: dict[Key, int] = {}
    short: dict[tuple[str, str, str], list[Key]] = {}
    for key in missing(book, province, agencies):
        space = book.space(key)
        if space not in free:
            free[space] = _free(capacity(province.pools, key), taken.get(space, {}))
        index = next(free[space], None)
        if index is None:
            short.setdefault(space, []).append(key)
        else:
            given[key] = index
    raise_all(
        [_full(keys, province.pools, place(keys[0]) if place else None) for keys in short.values()]
    )
    book.indexes.update(given)
    return given


def _free(indexes: range, used: Container[int]) -> Iterator[int]:
    return (index for index in indexes if index not in used)


def _full(keys: list[Key], pools: Pools, where: Location | None) -> HoabanError:
    """The error for a pool, or a zone's network, that has no index left."""
    first = keys[0]
    more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
    has = len(capacity(pools, first))
    release = "or free what is retired: hoaban address show --retired"
    if first.kind in {"host", "province-host"}:
        return HoabanError(
            f"no address left for {first}{more}: a zone's network has {has} for hosts "
            f"(offsets {FIRST_HOST_OFFSET} to {LAST_HOST_OFFSET})",
            where=where,
            mend=f"use fewer, larger servers in this zone; {release}",
        )
    name = POOL_OF[first.kind]
    pool = getattr(pools, name)
    v4, v6 = _PREFIX_OF[first.kind]
    return HoabanError(
        f"pool `{name}` is too small: {pool.ipv4} and {pool.ipv6} have room for {has} networks "
        f"(/{v4} and /{v6}), {len(keys)} more needed, first for {first}",
        where=where,
        mend=f"widen the pool, keeping its first address; {release}",
    )


def release(
    book: Book, province: ProvinceSpec, agencies: Mapping[str, AgencySpec], names: list[str]
) -> list[Key]:
    """Forget tombstones, so that their indexes can be given again; the book is changed.

    A name is an agency's slug (with all its sites and hosts), ``<agency>/<site>``, or a host's
    name. Returns what was forgotten. Refuses what the inventory still has.
    """
    gone = retired(book, province, agencies)
    wanted = {label(key) for key in needed(province, agencies)}
    errors: list[HoabanError] = []
    freed: list[Key] = []
    for name in names:
        found = [
            k for k in gone if label(k) == name or (_of_agency(k, name) and name not in wanted)
        ]
        if found:
            freed += [key for key in found if key not in freed]
        elif name in wanted:
            errors.append(
                HoabanError(
                    f"`{name}` is in use, its addresses can't be released",
                    mend="remove it from the inventory first",
                )
            )
        else:
            guess = near(name, {label(key) for key in gone})
            errors.append(
                HoabanError(
                    f"the ledger has no retired `{name}`",
                    mend=guess or "list them: hoaban address show --retired",
                )
            )
    raise_all(errors)
    for key in freed:
        del book.indexes[key]
    return freed


def _of_agency(key: Key, slug: str) -> bool:
    return key.kind in {"agency", "site", "host"} and key.owner == slug


def label(key: Key) -> str:
    """The name by which people release an entry."""
    match key.kind:
        case "zone":
            return f"zone/{key.owner}"
        case "province-host":
            return key.name
        case "agency":
            return key.owner
        case "site":
            return f"{key.owner}/{key.name}"
        case "host":
            system, _, number = key.name.rpartition("-")
            return f"{key.owner}-{system}-{key.zone}-{number}"
