"""Writes what people keep: the handover report, as a page and as JSON."""
