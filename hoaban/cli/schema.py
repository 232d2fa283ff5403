"""``hoaban schema``."""

from __future__ import annotations

from typing import Annotated

import typer

from hoaban.console import print_json, stdout
from hoaban.model import schema as library
from hoaban.workspace import Workspace


def schema(
    write: Annotated[
        bool, typer.Option("--write", help="Write them to inventory/schema, where editors look")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON (the default)")] = False,
) -> None:
    """Print the JSON Schemas of the inventory's files, or write them into the inventory.

    Example: `hoaban schema --write`
    """
    if not write:
        print_json(library.schemas())
        return
    written = [str(path) for path in library.write(Workspace.find().inventory)]
    if json_:
        print_json({"written": written})
        return
    for path in written:
        stdout().print(f"written: {path}")
    if not written:
        stdout().print("the schemas are up to date")
