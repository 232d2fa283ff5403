"""Writes what people keep: the handover report, as a page and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban import model
from hoaban.report.write import Written, write

if TYPE_CHECKING:
    from hoaban.workspace import Workspace

__all__ = ["Written", "write_report"]


def write_report(workspace: Workspace, agency: str | None) -> Written:
    """Write the report of an agency, or (None) of the province, from its latest verification."""
    return write(workspace, model.load(workspace.inventory), agency)
