"""hoaban: a provincial data centre, as code."""

from importlib.metadata import version

__version__ = version("hoaban")
