"""``hoaban lab``: a real OpenStack on this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from hoaban.console import Steps, print_json, stderr, stdout
from hoaban.errors import ExitCode
from hoaban.lab import Hypervisor, LabStatus, start, stop
from hoaban.lab import logs as logbook
from hoaban.lab.client import CLOUD
from hoaban.lab.health import examine
from hoaban.lab.layout import Layout

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON")]


@app.callback()
def lab() -> None:
    """A real OpenStack on this machine: compute, network, images, block and object storage."""


@app.command()
def up(
    hypervisor: Annotated[
        Hypervisor,
        typer.Option(help="qemu runs real guests; fake pretends, for thousands of servers"),
    ] = Hypervisor.QEMU,
    full: Annotated[
        bool, typer.Option("--full", help="Run the whole role, though nothing has changed")
    ] = False,
    json_: AsJson = False,
) -> None:
    """Bring the lab up: from nothing, after an interruption, after `down`, or to be sure of it.

    Examples: `hoaban lab up`, `hoaban lab up --hypervisor fake`
    """
    with Steps(quiet=json_) as steps:
        found = start.up(Layout.of_machine(), hypervisor, steps, full=full)
    if json_:
        print_json(found.to_json())
    else:
        stderr().print(f"the lab serves with {hypervisor.value}; use it: eval $(hoaban lab env)")


@app.command()
def status(json_: AsJson = False) -> None:
    """Ask each service's API how it is. Exit status 1 when one is down.

    Examples: `hoaban lab status`, `hoaban lab status --json`
    """
    found = examine(Layout.of_machine())
    if json_:
        print_json(found.to_json())
    else:
        stdout().print(_table(found))
    if not found.up:
        raise typer.Exit(int(ExitCode.ERROR))


@app.command()
def logs(
    service: Annotated[
        str | None, typer.Argument(help="A program of the lab; all of them unless told")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come")] = False,
    lines: Annotated[int, typer.Option(min=0, help="How many of the last lines")] = 20,
) -> None:
    """Show what the lab's programs log.

    Examples: `hoaban lab logs nova-api`, `hoaban lab logs -f`, `hoaban lab logs glance --lines 200`
    """
    for name, line in logbook.read(Layout.of_machine(), service, lines, follow=follow):
        typer.echo(line if service else f"{name}: {line}")


@app.command()
def down() -> None:
    """Stop the lab and keep its data; guests that run are started again by the next `up`.

    Example: `hoaban lab down`
    """
    with Steps() as steps:
        stop.down(Layout.of_machine(), steps)


@app.command()
def destroy(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")] = False,
) -> None:
    """Remove the lab with everything in it. Debian packages stay, and the table cache.

    Example: `hoaban lab destroy --yes`
    """
    layout = Layout.of_machine()
    if not yes:
        typer.confirm(
            f"Every server, volume, image and network of the lab in {layout.root} will be lost. "
            "Destroy it?",
            abort=True,
            err=True,
        )
    with Steps() as steps:
        stop.destroy(layout, steps)


@app.command()
def env() -> None:
    """Print shell commands that point OpenStack's clients at the lab.

    Example: `eval $(hoaban lab env)`
    """
    typer.echo(f"export OS_CLIENT_CONFIG_FILE={Layout.of_machine().clouds} OS_CLOUD={CLOUD}")


def _table(found: LabStatus) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("service", "", "answer", "version", "what is wrong"):
        table.add_column(heading, justify="right" if heading == "answer" else "left")
    for service in found.services:
        latency = "" if service.latency is None else f"{service.latency * 1000:.0f} ms"
        mark = "[green]up[/]" if service.up else "[bold red]down[/]"
        table.add_row(service.name, mark, latency, service.version, service.problem)
    kind = found.hypervisor.value if found.hypervisor else "none"
    table.caption = f"hypervisor {kind}, {found.root}"
    return table


if __name__ == "__main__":
    app()
