"""What this machine lacks for each purpose, and the command that mends it."""

from hoaban.doctor.checks import Finding, Purpose, examine
from hoaban.doctor.mend import mend

__all__ = ["Finding", "Purpose", "examine", "mend"]
