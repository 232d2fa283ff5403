"""An OpenStack in memory behind a transport of ``requests``.

Everything above the sockets is real: keystoneauth logs in and finds endpoints, the provider speaks
the APIs. What the services answer has the shapes of the API reference (docs.openstack.org/api-ref).
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

Json = dict[str, Any]
Query = list[tuple[str, str]]

PROJECT = "p" * 32
USER = "u" * 32
PASSWORD = "fake-password-1"
HOST = "http://cloud.test"
ENDPOINTS = {
    "identity": "/identity/v3",
    "network": "/network",
    "compute": "/compute/v2.1",
    "block-storage": f"/volume/v3/{PROJECT}",
    "image": "/image",
    "object-store": f"/swift/v1/AUTH_{PROJECT}",
    "load-balancer": "/load-balancer",
    "dns": "/dns",
    "key-manager": "/key-manager",
}


@dataclass
class Request:
    """What the cloud was asked."""

    method: str
    path: str
    query: Query
    body: Any
    headers: CaseInsensitiveDict[str]
    raw: bytes = b""

    def param(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    @property
    def microversion(self) -> float:
        told = self.headers.get("OpenStack-API-Version", "compute 2.1").split()[-1]
        major, minor = told.split(".")
        return int(major) * 1000 + int(minor)


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str, kind: str = "error") -> None:
        super().__init__(message)
        self.status = status
        self.body = {kind: {"message": message, "code": status}}


@dataclass
class Fault:
    """Something that goes wrong when ``method`` and ``path`` (a pattern) come by."""

    method: str
    path: str
    status: int = 0
    body: Any = None
    times: int = 1
    after: bool = False  # the request has its effect, then the connection breaks


Route = Callable[[Request, "re.Match[str]"], Any]


class FakeCloud(BaseAdapter):
    """The transport: services add their routes."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self.log: list[Request] = []
        self.faults: list[Fault] = []
        self.routes: list[tuple[str, re.Pattern[str], Route]] = []
        self.extra_headers: dict[str, str] = {}
        self.on("GET", r"/?", self._root)
        self.on("GET", r"/identity/v3/?", lambda *_: _version("v3.14", "/identity/v3/"))
        self.on("GET", r"/network/?", lambda *_: _versions("v2.0", "/network/v2.0/"))
        self.on("GET", r"/image/?", lambda *_: _versions("v2.17", "/image/v2/"))
        self.on("GET", r"/load-balancer/?", lambda *_: _versions("v2.0", "/load-balancer/v2/"))
        self.on("GET", r"/dns/?", lambda *_: _versions("v2", "/dns/v2/"))
        self.on("GET", r"/key-manager/?", lambda *_: _versions("v1", "/key-manager/v1/"))
        self.on("POST", r"/identity/v3/auth/tokens", self._log_in)

    def on(self, method: str, path: str, answer: Route) -> None:
        self.routes.append((method, re.compile(path + r"\Z"), answer))

    def fail(self, method: str, path: str, **how: Any) -> None:
        self.faults.append(Fault(method, path, **how))

    def count(self, method: str, path: str) -> int:
        pattern = re.compile(path + r"\Z")
        return sum(1 for one in self.log if one.method == method and pattern.match(one.path))

    def last(self, method: str, path: str) -> Request:
        pattern = re.compile(path + r"\Z")
        return [one for one in self.log if one.method == method and pattern.match(one.path)][-1]

    # --- requests' side ------------------------------------------------------------------------

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        body = request.body
        if body is not None and not isinstance(body, (str, bytes)):
            body = b"".join(body)
        asked = Request(
            request.method or "",
            unquote(parts.path),
            parse_qsl(parts.query),
            _parsed(body),
            request.headers,
            body.encode() if isinstance(body, str) else body or b"",
        )
        with self.lock:
            self.log.append(asked)
            fault = self._fault(asked)
            if fault is not None and not fault.after:
                return self._broken(request, fault)
            response = self._answer(request, asked)
        if fault is not None:
            raise requests.ConnectionError("('Connection aborted.', ConnectionResetError(104))")
        return response

    def close(self) -> None:
        """Nothing is held open."""

    def _fault(self, asked: Request) -> Fault | None:
        for fault in self.faults:
            if fault.method == asked.method and re.search(fault.path, asked.path):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def _broken(self, request: requests.PreparedRequest, fault: Fault) -> requests.Response:
        if fault.status:
            return _response(request, fault.status, fault.body, {"x-openstack-request-id": "req-f"})
        raise requests.ConnectionError(
            "HTTPConnectionPool(host='cloud.test', port=80): Max retries exceeded (Caused by "
            "NewConnectionError('Failed to establish a new connection: [Errno 111] Connection "
            "refused'))"
        )

    def _answer(self, request: requests.PreparedRequest, asked: Request) -> requests.Response:
        headers = {"x-openstack-request-id": f"req-{len(self.log)}"}
        for method, pattern, route in self.routes:
            found = pattern.match(asked.path)
            if method == asked.method and found:
                try:
                    self.extra_headers = {}
                    answer = route(asked, found)
                except Refused as refused:
                    return _response(request, refused.status, refused.body, headers)
                headers |= self.extra_headers
                status = {"POST": 201, "DELETE": 204}.get(asked.method, 200)
                return _response(request, status if answer is not None else 204, answer, headers)
        body = {"error": {"message": f"nothing at {asked.path}", "code": 404}}
        return _response(request, 404, body, headers)

    # --- Keystone ------------------------------------------------------------------------------

    def _root(self, *_: Any) -> Json:
        return {"versions": []}

    def _log_in(self, asked: Request, _: Any) -> Json:
        user = asked.body["auth"]["identity"]["password"]["user"]
        if user["password"] != PASSWORD:
            raise Refused(401, "The request you have made requires authentication.")
        scope = asked.body["auth"].get("scope", {}).get("project", {})
        self.extra_headers = {"X-Subject-Token": "token-of-a-test"}
        return {
            "token": {
                "methods": ["password"],
                "expires_at": "2099-01-01T00:00:00.000000Z",
                "issued_at": "2026-01-01T00:00:00.000000Z",
                "user": {"id": USER, "name": "admin", "domain": {"id": "default", "name": "D"}},
                "project": {
                    "id": scope.get("id", PROJECT),
                    "name": scope.get("name", "named-by-id"),
                    "domain": {"id": "default", "name": "D"},
                },
                "roles": [{"id": "r1", "name": "admin"}],
                "catalog": [
                    {
                        "id": f"id-of-{kind}",
                        "type": kind,
                        "name": kind,
                        "endpoints": [
                            {
                                "id": f"endpoint-{kind}-{region}",
                                "interface": "public",
                                "region": region,
                                "region_id": region,
                                "url": HOST + path,
                            }
                            for region in ("RegionOne", "RegionTwo")
                        ],
                    }
                    for kind, path in ENDPOINTS.items()
                ],
            }
        }


@dataclass
class Collection:
    """Objects at ``path`` with the usual verbs, each wrapped in ``noun``."""

    cloud: FakeCloud
    path: str
    noun: str
    plural: str = ""
    verb: str = "PUT"
    objects: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plural = self.plural or f"{self.noun}s"
        one = rf"{self.path}/(?P<id>[^/]+)"
        self.cloud.on("GET", rf"{self.path}(/detail)?", self.list)
        self.cloud.on("POST", self.path, self.post)
        self.cloud.on("GET", one, lambda _, m: {self.noun: self.need(m["id"])})
        self.cloud.on(self.verb, one, self.put)
        self.cloud.on("DELETE", one, lambda _, m: self.delete(m["id"]))

    def need(self, id_: str) -> Json:
        if id_ not in self.objects:
            raise Refused(404, f"{self.noun} {id_} could not be found.")
        return self.objects[id_]

    def list(self, asked: Request, _: Any) -> Json:
        wanted: dict[str, set[str]] = {}
        for name, value in asked.query:
            wanted.setdefault(name, set()).add(value)
        return {self.plural: [one for one in self.objects.values() if self.fits(one, wanted)]}

    def fits(self, one: Json, wanted: dict[str, set[str]]) -> bool:
        for name, values in wanted.items():
            if name == "tags":
                if not set(",".join(values).split(",")) <= set(one.get("tags", [])):
                    return False
            elif name in one and str(one[name]).lower() not in {v.lower() for v in values}:
                return False
        return True

    def post(self, asked: Request, _: Any) -> Json:
        if self.plural in asked.body:
            before = dict(self.objects)
            made = []
            try:
                for body in asked.body[self.plural]:
                    self.see(body)
                    made.append(self.make(body))
            except Refused:
                self.objects.clear()
                self.objects.update(before)
                raise
            return {self.plural: made}
        self.see(asked.body[self.noun])
        return {self.noun: self.make(asked.body[self.noun])}

    def see(self, body: Json) -> None:
        """Refuse what can't be made; of a list nothing is made when one part is refused."""

    def make(self, body: Json) -> Json:
        made = {"id": str(uuid.uuid4()), **self.fill(body)}
        self.objects[made["id"]] = made
        return made

    def fill(self, body: Json) -> Json:
        """What the service adds."""
        return dict(body)

    def put(self, asked: Request, found: re.Match[str]) -> Json:
        one = self.need(found["id"])
        one.update(asked.body[self.noun])
        return {self.noun: one}

    def delete(self, id_: str) -> None:
        self.need(id_)
        del self.objects[id_]


def _parsed(body: Any) -> Any:
    if body is None:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body


def _version(id_: str, path: str) -> Json:
    return {"version": {"id": id_, "status": "CURRENT", "links": [_link(path)]}}


def _versions(id_: str, path: str) -> Json:
    return {"versions": [{"id": id_, "status": "CURRENT", "links": [_link(path)]}]}


def _link(path: str) -> Json:
    return {"rel": "self", "href": HOST + path}


def _response(
    request: requests.PreparedRequest, status: int, body: Any, headers: dict[str, str]
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.request = request
    response.url = request.url or ""
    response.headers = CaseInsensitiveDict({"Content-Type": "application/json", **headers})
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    response.raw = BytesIO(b"" if body is None or request.method == "HEAD" else content)
    return response
