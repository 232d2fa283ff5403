"""One cloud, one project: requests, lists, and what many threads share.

All talk to the cloud goes through :class:`Cloud`. It logs in at the first request, keeps one HTTP
session for all threads, bounds how many requests are under way, repeats what may be repeated, and
turns failures into :class:`~hoaban.openstack.errors.CloudError`.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import requests
from keystoneauth1 import adapter, session
from keystoneauth1 import exceptions as ksa

from hoaban.engine.provider import Cancelled, ProviderError
from hoaban.openstack import errors, logins
from hoaban.openstack.settings import find_cloud, plain_settings, secret_values, secrets_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openstack.config.cloud_region import CloudRegion

    from hoaban.engine.values import PropertyMap

Json = dict[str, Any]

IDENTITY = "identity"
COMPUTE = "compute"
NETWORK = "network"
VOLUME = "block-storage"
IMAGE = "image"
OBJECTS = "object-store"
PLACEMENT = "placement"
LOAD_BALANCER = "load-balancer"
DNS = "dns"
KEY_MANAGER = "key-manager"

_VERSIONS: dict[str, dict[str, Any]] = {
    IDENTITY: {"min_version": (3, 0), "max_version": (3, "latest")},
    COMPUTE: {"min_version": (2, 0), "max_version": (2, "latest")},
    NETWORK: {"min_version": (2, 0), "max_version": (2, "latest")},
    VOLUME: {"min_version": (3, 0), "max_version": (3, "latest")},
    IMAGE: {"min_version": (2, 0), "max_version": (2, "latest")},
    OBJECTS: {},
    PLACEMENT: {},
    LOAD_BALANCER: {"min_version": (2, 0), "max_version": (2, "latest")},
    DNS: {"min_version": (2, 0), "max_version": (2, "latest")},
    KEY_MANAGER: {"min_version": (1, 0), "max_version": (1, "latest")},
}
_MAX_REQUESTS = 16  # under way at once; more only makes a small cloud's queue longer
_POOL_SIZE = 2 * _MAX_REQUESTS
_TIMEOUT = 300.0  # seconds; some calls (router interfaces) take long on a loaded cloud
_ATTEMPTS = 4
_FIRST_PAUSE = 0.5
_SAFE = frozenset({"GET", "HEAD", "PUT", "DELETE"})  # may be sent twice (RFC 9110, 9.2.2)
_READS = frozenset({"GET", "HEAD"})


def http_session() -> requests.Session:
    """The HTTP session of a cloud; a place for tests to put their transport."""
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=_POOL_SIZE))
    return made


class Cloud:
    """A cloud as one account sees it in one project and region.

    ``calls`` counts requests by service, method and first part of the path.
    """

    def __init__(self, inputs: PropertyMap, environ: Mapping[str, str]) -> None:
        self._inputs = inputs
        self._environ = environ
        self._lock = threading.RLock()
        self._region: CloudRegion | None = None
        self._session: session.Session | None = None
        self._adapters: dict[tuple[str, str | None], adapter.Adapter] = {}
        self._slots = threading.BoundedSemaphore(_MAX_REQUESTS)
        self._cancelled = threading.Event()
        self._attempts = int(plain_settings(inputs).get("maxRetries") or _ATTEMPTS)
        self.calls: Counter[str] = Counter()
        self.secrets = secret_values(inputs)

    @property
    def region(self) -> str:
        """The region's name, empty where the cloud's entry names none."""
        return self._cloud_region().get_region_name() or ""

    @property
    def project_id(self) -> str:
        """Id of the project that the account is logged in to."""
        return self._access("project_id")

    @property
    def user_id(self) -> str:
        """Id of the account."""
        return self._access("user_id")

    def access(self) -> Any:
        """What Keystone said at log-in (:class:`keystoneauth1.access.AccessInfo`)."""
        http = self._http()
        try:
            return http.auth.get_access(http)  # type: ignore[union-attr]
        except ksa.ClientException as error:
            raise errors.from_exception(error, IDENTITY) from None

    def endpoint(self, service: str, region: str | None = None) -> str:
        """The address of a service's API."""
        try:
            found = self._adapter(service, region).get_endpoint()
        except ksa.ClientException as error:
            raise errors.from_exception(error, service) from None
        if not found:
            raise errors.from_exception(ksa.EndpointNotFound(), service)
        return str(found)

    def cancel(self) -> None:
        """Make waits end soon."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether waits were asked to end."""
        return self._cancelled.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, unless the person asked to stop."""
        if self._cancelled.wait(seconds):
            raise Cancelled("stopped on request")

    def request(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        region: str | None = None,
        **how: Any,
    ) -> requests.Response:
        """Send one request; raises :class:`~hoaban.openstack.errors.CloudError`.

        A write that is sent again stays ``unsure``, whatever is answered then: a refusal may be the
        answer to what the first attempt did. ``how`` goes to keystoneauth: ``params``,
        ``microversion``, ``headers``, ``data``.
        """
        client = self._adapter(service, region)
        pause = _FIRST_PAUSE
        attempts = 1 if "data" in how else self._attempts  # a stream can be read only once
        unsure = False
        for attempt in range(1, attempts + 1):
            try:
                response = self._send(client, service, method, path, body, how)
            except ksa.ClientException as error:
                failure = errors.from_exception(error, service)
                unsure = failure.unsure = method not in _READS and (unsure or failure.unsure)
                again = failure.status is None and (method in _SAFE or not failure.unsure)
                if not again or isinstance(error, ksa.SSLError) or self._hopeless(error):
                    raise failure from None
            else:
                if response.status_code < errors.BAD_REQUEST:
                    return response
                failure = errors.from_response(response, service)
                unsure = failure.unsure = method not in _READS and (unsure or failure.unsure)
                if not _may_repeat(method, response.status_code):
                    raise failure
            if attempt == attempts:
                raise failure
            try:
                self.pause(pause)
            except Cancelled:
                if unsure:  # what came of the write matters more than why it is not sent again
                    raise failure from None
                raise
            pause *= 2
        raise AssertionError("unreachable: the last attempt returns or raises")

    def json(self, service: str, method: str, path: str, body: Any = None, **how: Any) -> Json:
        """As :meth:`request`; the answer's JSON object, empty when there is none."""
        response = self.request(service, method, path, body, **how)
        if not response.content:
            return {}
        try:
            answer = response.json()
        except ValueError:
            raise errors.CloudError(
                f"the {service} service at {response.url} answered with something else than JSON",
                status=response.status_code,
                mend="see whether the address in clouds.yaml is the API's and not a web page's",
            ) from None
        return answer if isinstance(answer, dict) else {"items": answer}

    def find(self, service: str, path: str, **how: Any) -> Json | None:
        """GET one object; None when there is no such thing."""
        try:
            return self.json(service, "GET", path, **how)
        except errors.CloudError as error:
            if error.status == errors.NOT_FOUND:
                return None
            raise

    def pages(self, service: str, path: str, collection: str, **how: Any) -> Iterator[Json]:
        """All objects of a collection, page by page."""
        asked = how.pop("params", None) or {}
        params = list(asked.items() if isinstance(asked, dict) else asked)
        after: list[tuple[str, str]] = []
        while True:
            answer = self.json(service, "GET", path, params=[*params, *after], **how)
            items = answer.get(collection, [])
            yield from items
            if not items or not _has_next(answer, collection):
                return
            after = [("marker", _marker(items[-1]))]

    def _send(
        self,
        client: adapter.Adapter,
        service: str,
        method: str,
        path: str,
        body: Any,
        how: Mapping[str, Any],
    ) -> requests.Response:
        sent = dict(how) if body is None else {**how, "json": body}
        with self._slots:
            self._count(service, method, path)
            return client.request(path, method, raise_exc=False, **sent)

    def _count(self, service: str, method: str, path: str) -> None:
        place = path.strip("/").split("/")[0].split("?")[0]
        with self._lock:
            self.calls[f"{method} {service}/{place}"] += 1

    def _access(self, name: str) -> str:
        return getattr(self.access(), name) or ""

    def _cloud_region(self) -> CloudRegion:
        with self._lock:
            if self._region is None:
                found = find_cloud(self._inputs, self._environ)
                self._region = found
                self.secrets |= secrets_of(found)
            return self._region

    def _http(self) -> session.Session:
        region = self._cloud_region()
        with self._lock:
            if self._session is None:
                verify, cert = region.get_requests_verify_args()
                self._session = session.Session(
                    auth=logins.LOGINS.shared(region.get_auth(), verify, cert),
                    session=http_session(),
                    verify=verify,
                    cert=cert,
                    timeout=float(region.config.get("api_timeout") or _TIMEOUT),
                    app_name="hoaban",
                )
            return self._session

    def _adapter(self, service: str, region_name: str | None) -> adapter.Adapter:
        http, region = self._http(), self._cloud_region()
        with self._lock:
            made = self._adapters.get((service, region_name))
            if made is None:
                override = region.get_endpoint(service)
                made = adapter.Adapter(
                    session=http,
                    service_type=region.get_service_type(service),
                    interface=region.get_interface(service),
                    region_name=region_name or region.get_region_name(service),
                    endpoint_override=override,
                    **({} if override else _VERSIONS[service]),
                )
                self._adapters[service, region_name] = made
            return made

    def _hopeless(self, error: Exception) -> bool:
        """Nothing answers at all: before the first log-in there is no point in waiting."""
        http = self._session
        logged_in = http is not None and getattr(http.auth, "auth_ref", None) is not None
        return not logged_in or isinstance(error, (ksa.EndpointNotFound, ksa.HttpError))


def _may_repeat(method: str, status: int) -> bool:
    if status == errors.TOO_MANY:
        return True
    return status in errors.TRANSIENT and method in _READS


def _has_next(answer: Json, collection: str) -> bool:
    """Whether a list goes on: each service says so in its own way."""
    if answer.get("next"):  # Glance
        return True
    links = answer.get(f"{collection}_links") or []
    if isinstance(links, list) and any(link.get("rel") == "next" for link in links):
        return True
    keystone = answer.get("links")
    return isinstance(keystone, dict) and bool(keystone.get("next"))


def _marker(item: Json) -> str:
    """What a list is continued after: an id, or a name where names are the ids (key pairs)."""
    inner = item.get("keypair", item)
    return str(inner.get("id") or inner["name"])


def unconfigured() -> ProviderError:
    """The error of a call to the cloud before the provider knows which one."""
    return ProviderError(
        "the provider's configuration holds a value that is not known yet",
        mend="what the provider is configured with must exist before its resources are read",
    )
