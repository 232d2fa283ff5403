"""``hoaban check``."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from hoaban.console import print_json, stderr, stdout
from hoaban.controls import waivers
from hoaban.exchange.documents import check_documents
from hoaban.exchange.ended import check_ended, today_in
from hoaban.model.exchange import SOON, State
from hoaban.model.loader import province_of, read
from hoaban.model.problems import raise_all
from hoaban.model.summary import summarise
from hoaban.workspace import Workspace


def check(
    json_: Annotated[bool, typer.Option("--json", help="Print JSON")] = False,
) -> None:
    """Validate the inventory: each file, what they say of each other, and the address plan.

    Tells all errors at once, each with file, line, key and mend. Example: `hoaban check --json`
    """
    workspace = Workspace.find()
    workspace.link_toolkit()
    files = read(workspace.inventory)
    province = province_of(files)
    today = today_in(province)
    raise_all(
        [
            *check_documents(workspace.inventory, files),
            *check_ended(files, province, today),
        ]
    )
    summary = summarise(province)
    granted = waivers.read(workspace.inventory, province.agencies)
    expired = granted.expired(datetime.now(UTC).date())
    if json_:
        ended = [waiver.model_dump(mode="json") for waiver in expired]
        agreed = Counter(one.state(today).value for one in province.agreements)
        counted: dict[str, Any] = {"interfaces": dict(agreed)}
        counted |= {"waivers": len(granted.entries), "expired_waivers": ended}
        print_json(asdict(summary) | counted)
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in summary.agencies_by_kind.items())
    out = stdout()
    out.print(f"[green]ok[/] {summary.province}: {summary.agencies} agencies ({kinds or 'none'})")
    out.print(
        f"   {summary.systems} systems, {summary.hosts} hosts "
        f"({summary.vcpus} vCPU, {summary.ram_mb / 1024:.1f} GiB RAM), "
        f"{summary.volumes} volumes ({summary.volumes_gb} GiB)"
    )
    out.print(
        f"   {summary.networks} networks, {summary.security_groups} security groups, "
        f"{summary.rules} rules"
    )
    used = ", ".join(f"{name} {use.given} of {use.capacity}" for name, use in summary.pools.items())
    out.print(f"   address pools: {used}; no two networks overlap; {summary.retired} retired")
    if province.agreements:
        soon = sum(one.state(today) is State.ENDS_SOON for one in province.agreements)
        ending = f", {soon} end within {SOON.days} days" if soon else ""
        out.print(f"   {len(province.agreements)} uses of interfaces{ending}")
    if granted.entries:
        out.print(f"   {len(granted.entries)} waivers of controls, {len(expired)} expired")
    for waiver in expired:
        stderr().print(
            f"[yellow]warning[/] the waiver of {waiver.control} for {waiver.agency} ended on "
            f"{waiver.expires}: verify fails by it. Grant it again, or delete it"
        )
