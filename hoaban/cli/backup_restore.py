"""``hoaban backup restore``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hoaban.backup import restore as restoring
from hoaban.backup.place import Place
from hoaban.backup.show import sized
from hoaban.backup.snapshots import moment
from hoaban.cli.operation import JsonOption, YesOption
from hoaban.console import Steps, print_json, stderr, stdout
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from hoaban.backup.repository import Rehearsal

IdentityOption = Annotated[
    Path | None,
    typer.Option("--identity", help="age identity that opens the escrow; the workspace's own"),
]


def restore(
    host: Annotated[str, typer.Argument(help="Host whose backup is restored")],
    at: Annotated[
        str | None, typer.Option("--at", help="The newest not after this time (ISO 8601)")
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option("--snapshot", help="Identifier of a snapshot, or its beginning")
    ] = None,
    paths: Annotated[
        list[str] | None, typer.Option("--path", help="Only this file or folder; may be repeated")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Another host; needs the escrow of the first")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Folder there; else each file at its own place")
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete what is there and not in the snapshot")
    ] = False,
    identity: IdentityOption = None,
    yes: YesOption = False,
    json_: JsonOption = False,
) -> None:
    """Restore a host's backup: to itself, another host or a folder; whole or by path; at a time.

    Asks before a file is overwritten. All that is restored is read again and compared with the
    snapshot. Deletes nothing unless told.

    Examples: `hoaban backup restore so-y-te-noi-bo-data-1 --path /srv/db --at 2026-11-22T06:00`,
    `hoaban backup restore so-y-te-noi-bo-data-1 --target /srv/old`
    """
    place = Place.here()
    order = restoring.Order(
        host=place.fleet.host(host).name,
        at=moment(at) if at else None,
        snapshot=snapshot,
        paths=tuple(paths or ()),
        to=to,
        target=target,
        delete=delete,
        identity=identity,
    )

    def confirm(rehearsal: Rehearsal) -> bool:
        return yes or _ask(rehearsal)

    with Steps(quiet=json_) as steps:
        done = restoring.restore(place.workspace, place.fleet, place.hosts, order, steps, confirm)
    if done is None:
        raise HoabanError("stopped; nothing was changed", mend="--target DIR restores beside it")
    if json_:
        print_json(done.to_json())
    else:
        stdout().print(
            f"{done.restored.files} files and folders ({sized(done.restored.bytes)}) of "
            f"{done.snapshot.time:%Y-%m-%d %H:%M} UTC restored to {done.to}:{done.target} "
            f"in {done.seconds:.0f} s",
            markup=False,
        )


def _ask(rehearsal: Rehearsal) -> bool:
    told = [
        f"{count} files would be {fate}"
        for fate, count in (("overwritten", rehearsal.updated), ("deleted", rehearsal.deleted))
        if count
    ]
    names = [name for key in ("deleted", "updated") for name in rehearsal.names.get(key, ())]
    if not sys.stdin.isatty():
        raise HoabanError(
            "; ".join(told),
            mend="if they may be: run it again with --yes",
            detail="\n".join(names) or None,
        )
    for name in names:
        stderr().print(f"  {name}", markup=False)
    return typer.confirm(f"{'; '.join(told)}. Go on?", default=False, err=True)
