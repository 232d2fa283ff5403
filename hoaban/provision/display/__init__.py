"""Plans and progress for people, from the engines' events."""

from hoaban.provision.display.board import Board
from hoaban.provision.display.progress import Progress
from hoaban.provision.display.tree import render_changes, render_summary

__all__ = ["Board", "Progress", "render_changes", "render_summary"]
