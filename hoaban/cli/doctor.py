"""``hoaban doctor``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from hoaban import doctor as library
from hoaban.console import print_json, stderr, stdout
from hoaban.doctor import Purpose
from hoaban.errors import ExitCode


def doctor(
    purposes: Annotated[
        list[Purpose] | None, typer.Argument(help="What the machine is for; all unless told")
    ] = None,
    mend: Annotated[bool, typer.Option("--mend", help="Install the missing packages")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """List what this machine lacks, each with the command that mends it.

    Examples: `hoaban doctor`, `hoaban doctor lab image --mend`
    """
    findings = library.examine(*(purposes or ()))
    if mend:
        installed = library.mend(findings)
        if installed:
            stderr().print(f"installed: {' '.join(installed)}")
        findings = library.examine(*(purposes or ()))
    if json_:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            mark = "[green]ok     [/]" if finding.ok else "[red]missing[/]"
            tail = "" if finding.ok else f"\n          mend: [green]{finding.mend}[/]"
            name = f"{finding.purpose}: {finding.name}"
            stdout().print(f"{mark} {name} [dim]({finding.detail})[/]{tail}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(int(ExitCode.ERROR))
