"""Ansible strategy: mitogen's, on all of a machine's processors.

mitogen pins its own processes to processors, and with fewer than four of them all that Ansible
starts to the second: ssh, containers, and a service that is started by a task for as long as it
runs. On two processors that halves the machine. There is no setting for it; its policy is an object
that does it, and the one that does nothing stands beside it.

Ansible itself makes a copy of its process for each host of each task, and asks a thousand times a
second whether one has ended. What stays for the whole run is kept out of the garbage collector's
sight, which would otherwise make each copy touch, and the kernel copy, all of it; and asking a
hundred times a second is enough for tasks of which each takes longer.
"""

from __future__ import annotations

import gc
from typing import Any

import ansible.constants
import ansible_mitogen.affinity
import ansible_mitogen.loaders
import ansible_mitogen.strategy

ansible_mitogen.affinity.policy = ansible_mitogen.affinity.Policy()

_Linear: Any = ansible_mitogen.loaders.strategy_loader.get("linear", class_only=True)


# By no variable of the environment, and Molecule writes an ansible.cfg of its own.
ansible.constants.DEFAULT_INTERNAL_POLL_INTERVAL = 0.01


class StrategyModule(ansible_mitogen.strategy.StrategyMixin, _Linear):  # type: ignore[misc]
    """``linear`` over mitogen's connections."""

    def run(self, iterator: Any, play_context: Any, result: int = 0) -> int:
        """Run a play's tasks."""
        gc.collect()
        gc.freeze()
        return int(super().run(iterator, play_context, result))
