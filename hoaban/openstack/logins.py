"""One log-in for all that a process does with the same account in the same project."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from keystoneauth1.plugin import BaseAuthPlugin


class Logins:
    """Auth plugins of keystoneauth, which hold the token and what is known of the services."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Hashable, BaseAuthPlugin] = {}

    def shared(self, auth: BaseAuthPlugin | None, *way: Hashable) -> BaseAuthPlugin | None:
        """The plugin that was first seen with the same settings and ``way`` to the cloud.

        Settings are told apart by keystoneauth's hash of all of them, password included. A token
        that no longer holds is replaced for all by the first who finds out.
        """
        settings = auth.get_cache_id() if auth else None
        if auth is None or settings is None:  # a kind of log-in that can't be told apart
            return auth
        with self._lock:
            return self._known.setdefault((settings, *way), auth)


LOGINS = Logins()
"""Those of this process: checks, a plan and a deployment each have a cloud of their own."""
