"""What must hold for the province's address pools, and for the ledger that counts in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.errors import HoabanError, Location
from hoaban.model.addresses import (
    BLOCK_IPV4,
    BLOCK_IPV6,
    NETWORK_IPV4,
    NETWORK_IPV6,
    AddressPlan,
    capacity,
    overlaps,
)
from hoaban.model.allocation import POOL_OF, bases_of, label, missing
from hoaban.model.ledger import Book, Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.model.document import Document, KeyPath
    from hoaban.model.files import Files, Sourced
    from hoaban.model.ledger import Ledger
    from hoaban.model.spec import Pools
    from hoaban.model.types import IPNetwork

POOLS = {
    "province": (NETWORK_IPV4, NETWORK_IPV6),
    "agencies": (BLOCK_IPV4, BLOCK_IPV6),
    "sites": (NETWORK_IPV4, NETWORK_IPV6),
}
ALLOCATE = "hoaban address allocate"
RESTORE = "restore the ledger from version control"


def check_pools(document: Document, pools: Pools) -> Iterator[HoabanError]:
    """Faults of the pools themselves: too small for one network, of no use, overlapping."""
    named: list[tuple[str, IPNetwork]] = []
    for name, prefixes in POOLS.items():
        pool = getattr(pools, name)
        families: tuple[tuple[str, IPNetwork, int], ...] = (
            ("ipv4", pool.ipv4, prefixes[0]),
            ("ipv6", pool.ipv6, prefixes[1]),
        )
        for family, network, prefix in families:
            named.append((f"{name}.{family}", network))
            where = document.at("pools", name, family)
            if network.prefixlen > prefix:
                yield HoabanError(
                    f"pool {network} is too small: not one network /{prefix} fits in",
                    where=where,
                    mend=f"give a network of /{prefix} or wider",
                )
            if network.is_multicast or network.is_loopback or network.is_link_local:
                yield HoabanError(
                    f"pool {network} is of a range that no network can use",
                    where=where,
                    mend="take private ranges: RFC 1918 for IPv4, RFC 4193 (fd...) for IPv6",
                )
    for overlap in overlaps(named):
        yield HoabanError(
            f"pool {overlap.second[0]} ({overlap.second[1]}) overlaps with "
            f"{overlap.first[0]} ({overlap.first[1]})",
            where=document.at("pools", *overlap.second[0].split(".")),
            mend="choose pools that share no address",
        )


def check_ledger(files: Files) -> Iterator[HoabanError]:
    """Faults of the ledger: moved pools, indexes given twice or out of range, overlaps."""
    if files.ledger is None:
        return
    pools = files.province.value.pools
    moved = list(_moved(files.ledger, pools))
    yield from moved
    book = Book.open(files.ledger.value)
    wrong = [
        *_outgrown(files.province.document, files.ledger.document, pools, book),
        *_indexes(files.ledger.document, pools, book),
    ]
    yield from wrong
    if moved or wrong:
        return
    # The arithmetic above should make this impossible; it is the proof, not an assumption.
    for overlap in overlaps(AddressPlan(pools, book).networks()):
        yield HoabanError(
            f"{overlap.first[1]} ({overlap.first[0]}) overlaps with "
            f"{overlap.second[1]} ({overlap.second[0]})",
            where=files.ledger.document.at(),
            mend=RESTORE,
        )


def _moved(ledger: Sourced[Ledger], pools: Pools) -> Iterator[HoabanError]:
    bases = ledger.value.bases
    if bases is None:
        if ledger.value.province or ledger.value.agencies:
            yield HoabanError(
                "the ledger has entries but no `bases`, so nobody knows from where they count",
                where=ledger.document.at("bases"),
                mend=RESTORE,
            )
        return
    now = bases_of(pools)
    for name in POOLS:
        for family in ("ipv4", "ipv6"):
            before = getattr(getattr(bases, name), family)
            after = getattr(getattr(now, name), family)
            if before != after:
                yield HoabanError(
                    f"pool {name}.{family} begins at {after} now, but addresses were given from "
                    f"{before}: all of them would change",
                    where=ledger.document.at("bases", name, family),
                    mend=f"let the pool begin at {before} again; or, where nothing is built yet, "
                    f"write {after} here",
                )


def _outgrown(
    province: Document, ledger: Document, pools: Pools, book: Book
) -> Iterator[HoabanError]:
    """One fault for each pool that has no room for all that was given from it."""
    beyond: dict[str, list[Key]] = {}
    for key, index in book.indexes.items():
        # Where there is no room at all, the pool's own fault is told.
        if key.kind in POOL_OF and (allowed := capacity(pools, key)) and index not in allowed:
            beyond.setdefault(POOL_OF[key.kind], []).append(key)
    for name, keys in beyond.items():
        pool, (v4, v6) = getattr(pools, name), POOLS[name]
        first = min(keys, key=lambda key: book.indexes[key])
        line = ledger.line(path_of(first))
        yield HoabanError(
            f"pool `{name}` is too small: networks of /{v4} and /{v6} that {pool.ipv4} and "
            f"{pool.ipv6} hold: {len(capacity(pools, first))}; given beyond these: {len(keys)}, "
            f"first to {first} (index {book.indexes[first]}, {ledger.name}:{line})",
            where=province.at("pools", name),
            mend=f"widen the pool again, keeping its first address; or, if it is right: {RESTORE}",
        )


def _indexes(document: Document, pools: Pools, book: Book) -> Iterator[HoabanError]:
    owners: dict[tuple[tuple[str, str, str], int], Key] = {}
    for key, index in book.indexes.items():
        allowed = capacity(pools, key)
        if key.kind not in POOL_OF and index not in allowed:
            yield HoabanError(
                f"index {index} of {key} is out of range",
                where=document.at(*path_of(key)),
                mend=f"indexes here go from {allowed.start} to {allowed.stop - 1}: {RESTORE}",
            )
        first = owners.setdefault((book.space(key), index), key)
        if first != key:
            yield HoabanError(
                f"index {index} is given to {first} and to {key}",
                where=document.at(*path_of(key)),
                mend=f"delete the entry that was added last, then: {ALLOCATE}",
            )


def path_of(key: Key) -> KeyPath:
    """Where the ledger's file has a key's index."""
    match key.kind:
        case "zone":
            return ("province", key.owner, "index")
        case "province-host":
            return ("province", key.owner, "hosts", key.name)
        case "agency":
            return ("agencies", key.owner, "block")
        case "site":
            return ("agencies", key.owner, "sites", key.name)
        case "host":
            return ("agencies", key.owner, "hosts", key.zone, key.name)


def check_allocated(files: Files) -> Iterator[HoabanError]:
    """What has no address yet, told once a file."""
    if files.ledger is None:
        folder = files.province.document.name.rpartition("/")[0]
        yield HoabanError(
            "there is no ledger of addresses",
            where=Location(file=f"{folder}/addresses.yml"),
            mend=f"for a new province: {ALLOCATE}; for one that is built: {RESTORE}, "
            "since all addresses may change without it",
        )
        return
    book = Book.open(files.ledger.value)
    groups: dict[str, list[Key]] = {}
    for key in missing(book, files.province.value, files.specs()):
        owner = "" if key.kind in {"zone", "province-host"} else key.owner
        groups.setdefault(owner, []).append(key)
    for owner, keys in groups.items():
        document = (files.agencies[owner] if owner else files.province).document
        names = ", ".join(label(key) for key in keys[:3])
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""  # noqa: PLR2004
        yield HoabanError(
            f"no address yet for {names}{more}",
            where=document.at("slug"),
            mend=ALLOCATE,
        )
