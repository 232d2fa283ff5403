"""What one call of the engine works with: the cloud, a deadline, and what calls share."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from hoaban.openstack.errors import CloudError
from hoaban.openstack.lists import Lists

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    import requests

    from hoaban.openstack.cloud import Cloud

T = TypeVar("T")
Json = dict[str, Any]

DEFAULT_TIMEOUT = 600.0


class Shared:
    """Lists, batchers, pollers and other things made once for all calls to one cloud."""

    def __init__(self) -> None:
        self.lists = Lists()
        self._lock = threading.RLock()
        self._kept: dict[Hashable, Any] = {}

    def keep(self, name: Hashable, make: Callable[[], T]) -> T:
        """The thing of this name, made at first use. ``make`` must not call the cloud."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
            return cast("T", self._kept[name])

    def lock(self, *name: Hashable) -> threading.Lock:
        """A lock for changes that one object bears one at a time (a router's routes)."""
        return self.keep(("lock", *name), threading.Lock)


@dataclass(slots=True)
class Call:
    """One call: ``deadline`` is a time of :func:`time.monotonic`, ``key`` the mark to leave.

    ``headers`` go with every request: in whose name an administrator acts. ``sought`` are the ids
    of all that one look at a type is about, None when a call is about one object; ``changed_at`` is
    when what was read was last changed, where the cloud tells.
    """

    cloud: Cloud
    shared: Shared
    urn: str
    region: str | None = None
    key: str = ""
    deadline: float = field(default_factory=lambda: time.monotonic() + DEFAULT_TIMEOUT)
    headers: dict[str, str] = field(default_factory=dict)
    sought: frozenset[str] | None = None
    changed_at: str = ""

    @property
    def region_name(self) -> str:
        """The region that the resource is in."""
        return self.region or self.cloud.region

    def json(self, service: str, method: str, path: str, body: Any = None, **how: Any) -> Json:
        """Send a request, read its JSON."""
        return self.cloud.json(service, method, path, body, region=self.region, **self._how(how))

    def request(
        self, service: str, method: str, path: str, body: Any = None, **how: Any
    ) -> requests.Response:
        """Send a request."""
        return self.cloud.request(service, method, path, body, region=self.region, **self._how(how))

    def find(self, service: str, path: str, **how: Any) -> Json | None:
        """GET one object, None when it is not there."""
        return self.cloud.find(service, path, region=self.region, **self._how(how))

    def pages(self, service: str, path: str, collection: str, **how: Any) -> Iterator[Json]:
        """All objects of a collection."""
        return self.cloud.pages(service, path, collection, region=self.region, **self._how(how))

    def _how(self, how: dict[str, Any]) -> dict[str, Any]:
        if not self.headers:
            return how
        return {**how, "headers": {**self.headers, **how.get("headers", {})}}

    def timed_out(self, what: str) -> CloudError:
        """The error of a wait that took too long."""
        return CloudError(
            f"{what} in the time allowed",
            mend="see the object in the cloud; run this again, with a longer customTimeouts if "
            "the cloud is slow",
        )
