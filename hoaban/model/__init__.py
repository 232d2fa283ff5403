"""What a province and its agencies need, and what follows from it.

:func:`load` reads an inventory folder into a :class:`Province`, which answers with plans.
"""

from hoaban.model.loader import load
from hoaban.model.province import Province

__all__ = ["Province", "load"]
