"""How Ansible is told to use mitogen: one Python on a host for all tasks of a run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from hoaban import plugins
from hoaban.errors import HoabanError


def strategy(mend: str = "make setup") -> dict[str, str]:
    """Variables of the environment that choose the toolkit's own strategy over mitogen.

    ``mend`` is what helps where mitogen is not installed.
    """
    if importlib.util.find_spec("ansible_mitogen") is None:
        raise HoabanError("mitogen is not installed beside Ansible", mend=mend)
    return {
        "ANSIBLE_STRATEGY": "mitogen_linear",
        "ANSIBLE_STRATEGY_PLUGINS": str(Path(plugins.__file__).parent / "strategy"),
    }
