"""``python -m tests.engine.s3server ADDRESS-FILE KIND``: a real S3 server, made of moto.

Of KIND ``whole`` it honours conditional writes in one step. ``swift`` refuses ``If-Match``, and
looks before it writes: two creates that come at once both succeed. ``careless`` doesn't mind any
condition. All refuse keys that they don't know, and signatures that have expired.
"""

from __future__ import annotations

import random
import re
import sys
import threading
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from werkzeug.serving import make_server
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KEY = "hoaban-test"
_ONE = threading.Lock()


def answer(
    application: Callable[..., Any], kind: str, environ: dict[str, Any], start: Callable[..., Any]
) -> Iterable[bytes]:
    asked = {key: values[0] for key, values in parse_qs(environ["QUERY_STRING"]).items()}
    signed = environ.get("HTTP_AUTHORIZATION", "") or asked.get("X-Amz-Credential", "")
    match = re.search(r"(?:^|Credential=)([^/= ]*)/", signed)
    if match is None or match[1] != KEY:
        return error(403, "InvalidAccessKeyId", "no such key")(environ, start)
    if "X-Amz-Expires" in asked:
        at = datetime.strptime(asked["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if time.time() > at.timestamp() + int(asked["X-Amz-Expires"]):
            return error(403, "AccessDenied", "Request has expired")(environ, start)
    if environ["REQUEST_METHOD"] == "PUT":
        if kind == "swift" and "HTTP_IF_MATCH" in environ:
            return error(501, "NotImplemented", "no such thing")(environ, start)
        if kind == "careless":
            environ.pop("HTTP_IF_MATCH", None)
            environ.pop("HTTP_IF_NONE_MATCH", None)
        if kind == "swift" and environ.pop("HTTP_IF_NONE_MATCH", ""):
            with _ONE:
                there = exists(environ["PATH_INFO"])
            if there:
                return error(412, "PreconditionFailed", "it is there")(environ, start)
            time.sleep(random.uniform(0, 0.2))  # noqa: S311 (no secret)
    with _ONE:
        return list(application(environ, start))


def exists(path: str) -> bool:
    from moto.s3.models import s3_backends  # noqa: PLC0415 (slow to load, only for the server)

    bucket, _, key = path.lstrip("/").partition("/")
    backend = next(iter(s3_backends["123456789012"].values()))
    return backend.get_object(bucket, key) is not None


def error(status: int, code: str, message: str) -> Response:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(body, status, mimetype="application/xml")


def main() -> None:
    from moto.moto_server import werkzeug_app as moto  # noqa: PLC0415 (as above)

    application = moto.DomainDispatcherApplication(moto.create_backend_app)
    file, kind = Path(sys.argv[1]), sys.argv[2]
    server = make_server("127.0.0.1", 0, partial(answer, application, kind), threaded=True)
    beside = file.with_suffix(".new")
    beside.write_text(f"127.0.0.1:{server.port}")
    beside.replace(file)
    server.serve_forever()


if __name__ == "__main__":
    main()
