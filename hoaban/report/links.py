"""Writes what circuits were like in a month: as a page in both languages and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from markupsafe import Markup

from hoaban.files import write_atomic
from hoaban.report.page import environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hoaban.model import Province
    from hoaban.vpn.quality import Quality


def write(folder: Path, province: Province, month: str, circuits: Sequence[Quality]) -> list[Path]:
    """Write ``links-<month>.html`` and ``.json`` to a folder; returns both."""
    page, data = folder / f"links-{month}.html", folder / f"links-{month}.json"
    content = {"month": month, "circuits": [one.model_dump(mode="json") for one in circuits]}
    write_atomic(data, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    write_atomic(page, render(province, month, circuits))
    return [page, data]


def render(province: Province, month: str, circuits: Sequence[Quality]) -> str:
    """The page; all that comes from files or hosts is escaped, and nothing is loaded."""
    templates = environment()
    style, _, _ = templates.loader.get_source(templates, "style.css")  # type: ignore[union-attr]
    return templates.get_template("links.html.j2").render(
        style=Markup(style),  # noqa: S704 - our own file
        province=province.spec.name,
        month=month,
        circuits=circuits,
        kept=sum(one.kept is True for one in circuits),
        broken=sum(one.kept is False for one in circuits),
        unjudged=sum(one.kept is None for one in circuits),
    )
