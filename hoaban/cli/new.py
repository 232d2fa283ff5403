"""``hoaban new``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban.console import print_json, stdout
from hoaban.model.scaffold import NewAgency, add_agency
from hoaban.model.spec import AgencyKind
from hoaban.workspace import Workspace


def new(
    agency: Annotated[str, typer.Argument(help="Slug of the agency, such as xa-muong-la")],
    kind: Annotated[AgencyKind | None, typer.Option(help="Guessed from the slug")] = None,
    name_vi: Annotated[str | None, typer.Option(help="Its name in Vietnamese")] = None,
    name_en: Annotated[str | None, typer.Option(help="Its name in English")] = None,
    level: Annotated[int, typer.Option(min=1, max=5, help="Security level")] = 2,
    users: Annotated[int, typer.Option(min=1, help="How many people work there")] = 20,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Add an agency: a file to fill in that is valid from the start, and its addresses.

    Example: `hoaban new xa-mau --name-vi "UBND xã Mẫu" --name-en "Mau Commune" --users 40`
    """
    spec = NewAgency(agency, name_vi, name_en, kind, level, users)
    written = add_agency(Workspace.find().inventory, spec)
    if json_:
        print_json({"written": [str(path) for path in written.files]})
        return
    for path in written.files:
        stdout().print(f"written: {path}")
    stdout().print(f"next: fill in the file, then: hoaban check && hoaban plan {agency}")
