"""``hoaban init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hoaban.console import print_json, stdout
from hoaban.model.scaffold import LAB_HOST, NewProvince
from hoaban.model.scaffold import init as library


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where to make it")],
    slug: Annotated[str, typer.Option(help="The province's short name")] = "tinh-mau",
    name_vi: Annotated[str, typer.Option(help="Its name in Vietnamese")] = "Tỉnh mẫu",
    name_en: Annotated[str, typer.Option(help="Its name in English")] = "Sample Province",
    domain: Annotated[str, typer.Option(help="Domain of its hosts")] = "dc.province.example",
    cloud: Annotated[str, typer.Option(help="Entry of clouds.yaml")] = "lab",
    external_network: Annotated[str, typer.Option(help="Network of floating IPs")] = "public",
    admin_network: Annotated[
        list[str] | None,
        typer.Option(help="From where the bastion may be reached; several by repeating"),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Make the inventory of a new province.

    Example: `hoaban init yen-bai --slug yen-bai --name-vi "Tỉnh Yên Bái" --name-en "Yen Bai"`
    """
    networks = tuple(admin_network) if admin_network else LAB_HOST
    new = NewProvince(slug, name_vi, name_en, domain, cloud, external_network, networks)
    written = library(folder, new)
    if json_:
        print_json({"written": [str(path) for path in written.files]})
        return
    for path in written.files:
        stdout().print(f"written: {path}")
    stdout().print(f"next: cd {folder} && hoaban new xa-mau && hoaban check")
