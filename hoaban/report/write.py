"""Writes a handover to the workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.files import write_atomic
from hoaban.report.handover import Handover, gather
from hoaban.report.page import render
from hoaban.verify.run import report_folder

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.model.province import Province
    from hoaban.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Written:
    """The handover and its two files."""

    handover: Handover
    page: Path
    data: Path


def write(workspace: Workspace, province: Province, agency: str | None) -> Written:
    """Write ``handover.html`` and ``handover.json`` from the latest verification."""
    handover = gather(workspace, province, agency)
    folder = report_folder(workspace, agency)
    page, data = folder / "handover.html", folder / "handover.json"
    text = render(handover)
    write_atomic(data, handover.model_dump_json(indent=2) + "\n")
    write_atomic(page, text)
    return Written(handover, page, data)
