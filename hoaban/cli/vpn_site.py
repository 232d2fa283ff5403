"""``hoaban vpn site``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hoaban import model
from hoaban.cli.operation import JsonOption
from hoaban.console import print_json, stderr, stdout
from hoaban.errors import UsageError
from hoaban.inventory.fleet import Fleet
from hoaban.vpn import handout
from hoaban.vpn.render import Format, qr_code
from hoaban.workspace import Workspace


def site(
    name: Annotated[str, typer.Argument(metavar="AGENCY/SITE", help="As `hoaban links` lists it")],
    format_: Annotated[Format, typer.Option("--format", help="What its router is")],
    seal: Annotated[
        list[str] | None,
        typer.Option(metavar="RECIPIENT", help="Write it sealed to this age recipient; repeatable"),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print it, with its secrets")] = False,
    qr: Annotated[
        bool, typer.Option("--qr", help="With --show: also as a QR code, for a phone or laptop")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="With --seal: folder to write to; the current one")
    ] = None,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="The router has lost its key: make another")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Render what an office's router is told: tunnels to both hubs, and straight to other offices.

    The router's private key is made the first time, and is in that configuration alone: later ones
    have a word in its place. Hubs know the router after the province's next converge.

    Examples: `hoaban vpn site xa-long-sap/tru-so --format openwrt --seal age1…`,
    `hoaban vpn site xa-long-sap/tru-so --format wg-quick --show --qr`
    """
    if bool(seal) == show:
        raise UsageError(
            "the configuration holds secrets: where shall it go?",
            mend="--seal RECIPIENT writes it so that only they can read it; --show prints it",
        )
    if qr and (format_ is not Format.WG_QUICK or not show):
        raise UsageError(
            "a QR code is for WireGuard's apps, and is shown",
            mend="give --format wg-quick --show --qr",
        )
    workspace = Workspace.find()
    province = model.load(workspace.inventory)
    hubs = {
        host.name: host.output.floating_ip
        for host in Fleet.read(workspace).hosts.values()
        if host.output.floating_ip
    }
    with handout.prepare(province, name, format_, workspace.home, hubs, new_key=new_key) as made:
        paths = made.sealed(seal, output or Path()) if seal else []
        if json_:
            print_json(
                {
                    "site": name,
                    "format": format_,
                    "new_key": made.new_key,
                    "public_key": made.public_key,
                    "waiting_for": made.office.waiting,
                    "files": [str(path) for path in paths]
                    or [{"name": one.name, "text": one.text} for one in made.files],
                }
            )
        else:
            _tell(made, paths, qr=qr)
    if not json_:
        _next(made)


def _tell(made: handout.Handout, paths: list[Path], *, qr: bool) -> None:
    out = stdout()
    for path in paths:
        out.print(f"written: {path}", markup=False)
    for file in made.files if not paths else ():
        if len(made.files) > 1:
            out.print(f"==> {file.name} <==", markup=False)
        out.print(file.text, markup=False)
    if qr:
        out.print(qr_code(made.files[0].text), markup=False)


def _next(made: handout.Handout) -> None:
    err = stderr()
    if not made.new_key:
        err.print(
            "its private key was handed out before: keep the router's own, or give --new-key",
            markup=False,
        )
    for other in made.office.waiting:
        err.print(
            f"no tunnel to {other} yet: it has no key; hoaban vpn site {other}, then this again",
            markup=False,
        )
    err.print("next: hoaban converge, so that the hubs know it", markup=False)
