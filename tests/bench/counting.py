"""Counts HTTP requests, whoever makes them: both sides of a comparison talk by ``requests``."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = re.compile(r"/(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=/|$)")


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Requests of this process while the body runs, by ``METHOD host:port/path``, ids as ``*``."""
    made: Counter[str] = Counter()
    send = HTTPAdapter.send

    def counting(self: HTTPAdapter, request: Any, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(request.url)
        made[f"{request.method} {parts.netloc}{_ID.sub('/*', parts.path)}"] += 1
        return send(self, request, *args, **kwargs)

    with patch.object(HTTPAdapter, "send", counting):
        yield made
