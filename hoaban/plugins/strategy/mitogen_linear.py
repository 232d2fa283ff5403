"""Ansible strategy: mitogen's, on all of a machine's processors.

mitogen pins its own processes to processors, and with fewer than four of them all that Ansible
starts to the second: ssh, containers, and a service that is started by a task for as long as it
runs. On two processors that halves the machine. There is no setting for it; its policy is an object
that does it, and the one that does nothing stands beside it.
"""

from __future__ import annotations

from typing import Any

import ansible_mitogen.affinity
import ansible_mitogen.loaders
import ansible_mitogen.strategy

ansible_mitogen.affinity.policy = ansible_mitogen.affinity.Policy()

_Linear: Any = ansible_mitogen.loaders.strategy_loader.get("linear", class_only=True)


class StrategyModule(ansible_mitogen.strategy.StrategyMixin, _Linear):  # type: ignore[misc]
    """``linear`` over mitogen's connections."""
