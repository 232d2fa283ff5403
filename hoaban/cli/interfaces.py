"""``hoaban interfaces``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hoaban.console import print_json, stdout
from hoaban.exchange.documents import check_documents
from hoaban.exchange.ended import today_in
from hoaban.model.exchange import CENTRE, State
from hoaban.model.loader import province_of, read
from hoaban.model.problems import raise_all
from hoaban.workspace import Workspace

if TYPE_CHECKING:
    from datetime import date

    from hoaban.model.exchange import Agreement

COLOURS = {State.VALID: "green", State.ENDS_SOON: "yellow", State.ENDED: "bold red"}


def interfaces(
    agency: Annotated[
        str | None, typer.Option(help="Only what this agency offers or uses; `centre` too")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Show who gets which data of whom: interface, ground, and until when.

    Documents of all interfaces are validated too. What is offered and not used is listed last.

    Examples: `hoaban interfaces`, `hoaban interfaces --agency xa-long-sap --json`
    """
    inventory = Workspace.find().inventory
    files = read(inventory)
    raise_all([*check_documents(inventory, files)])
    province = province_of(files)
    if agency not in (None, CENTRE):
        province.agency(agency)
    today = today_in(province)
    agreed = [one for one in province.agreements if agency in (None, one.provider, one.consumer)]
    used = {(one.provider, one.offer.slug, one.offer.version) for one in province.agreements}
    unused = [
        {"provider": slug, "interface": offer.slug, "version": offer.version}
        for slug, said in sorted(province.parties.items())
        for offer in said.offers
        if (slug, offer.slug, offer.version) not in used and agency in (None, slug)
    ]
    if json_:
        print_json({"agreements": [_row(one, today) for one in agreed], "unused": unused})
        return
    if not agreed and not unused:
        stdout().print("no interfaces: agencies name them under `interfaces:` (docs/exchange.md)")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("from", "interface", "data", "to", "system", "until", ""):
        table.add_column(heading, overflow="fold")
    for one in agreed:
        state = one.state(today)
        table.add_row(
            one.provider,
            f"{one.offer.slug} {one.offer.version}",
            one.offer.sharing.value,
            one.consumer,
            one.use.system,
            one.use.until.isoformat(),
            Text(state.value, COLOURS[state]),
        )
    for offer in unused:
        name = f"{offer['interface']} {offer['version']}"
        table.add_row(offer["provider"], name, "", "nobody", "", "", "")
    stdout().print(table)


def _row(one: Agreement, today: date) -> dict[str, Any]:
    return {
        "provider": one.provider,
        "interface": one.offer.slug,
        "version": one.offer.version,
        "name": one.offer.name.model_dump(),
        "document": one.offer.document,
        "sharing": one.offer.sharing.value,
        "consumer": one.consumer,
        "system": one.use.system,
        "ground": one.use.ground.model_dump(),
        "until": one.use.until.isoformat(),
        "state": one.state(today).value,
        "service_id": one.service_id,
        "client_id": one.client_id,
    }
