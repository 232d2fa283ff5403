"""A deployment engine in Python for Pulumi programs, with state that the official one shares."""

from hoaban.engine.embedded.engine import EmbeddedEngine

__all__ = ["EmbeddedEngine"]
