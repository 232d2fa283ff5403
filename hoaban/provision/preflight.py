"""Checks made before anything is: each fault is told at once, and nothing is half built."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from hoaban.engine.embedded.project import StackConfig
from hoaban.engine.embedded.store import open_stack
from hoaban.errors import HoabanError, Location, ManyErrors
from hoaban.model.document import place
from hoaban.model.quota import PORTS_OF_ROUTER
from hoaban.openstack import errors
from hoaban.openstack.cloud import COMPUTE, IDENTITY, IMAGE, NETWORK, VOLUME, Cloud
from hoaban.openstack.errors import CloudError
from hoaban.provision import capacity, needs
from hoaban.provision.credentials import blame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hoaban.engine.api import Stack
    from hoaban.engine.embedded.state import Resource
    from hoaban.model.outputs import ProvinceResources
    from hoaban.provision.target import Target

QUOTAS = (
    "openstack:compute/quotaSetV2:QuotaSetV2",
    "openstack:blockstorage/quoteSetV3:QuoteSetV3",
    "openstack:networking/quotaV2:QuotaV2",
)
NOT_ALLOWED = (errors.FORBIDDEN, errors.NOT_FOUND)


def preflight(target: Target, stack: Stack, *, refresh: bool = False) -> list[str]:
    """Raise what would make the operation fail; return what could not be checked, in words.

    With ``refresh`` the operation reads the cloud first, so that it mends what was changed by hand.

    The first to be told is a cloud that does not answer or refuses the credentials; after that
    all checks are made, side by side, and all faults told together.
    """
    checks = Checks(target, stack, Cloud({}, stack.environment), refresh=refresh)
    reach(stack, checks.cloud)
    lent = checks.lent()
    found: list[HoabanError] = []
    with ThreadPoolExecutor() as pool:
        for faults in pool.map(checks.run, checks.all(lent)):
            found.extend(faults)
    if len(found) == 1:
        raise found[0]
    if found:
        raise ManyErrors(found)
    return checks.unchecked


def reach(stack: Stack, cloud: Cloud | None = None) -> None:
    """Log in; a cloud that is down or refuses the credentials is told once, with their place."""
    try:
        (cloud or Cloud({}, stack.environment)).access()
    except CloudError as error:
        raise blame(error, stack.environment) from None


class Checks:
    """The checks of one target. Each yields the faults that it finds."""

    def __init__(
        self, target: Target, stack: Stack, cloud: Cloud, *, refresh: bool = False
    ) -> None:
        self.refresh = refresh
        self.target = target
        self.stack = stack
        self.cloud = cloud
        self.built = target.built()
        self.province_file = target.workspace.inventory / "province.yml"
        self.unchecked: list[str] = []
        built = self.built.environment if self.built else None
        self.new = needs.NewThings.of(target.plan, built)

    def lent(self) -> ProvinceResources | None:
        """What the foundation lends an agency; its absence is the one fault worth telling."""
        if self.target.agency is None:
            return None
        foundation = self.target.of(None).built()
        if foundation is None or foundation.province is None:
            raise HoabanError(
                f"the foundation of {self.target.province.spec.name.en} has not been built",
                mend="hoaban up",
            )
        return foundation.province

    def all(self, lent: ProvinceResources | None) -> Iterable[Callable[[], Iterator[HoabanError]]]:
        """Every check that there is for the target."""
        checks: list[Callable[[], Iterator[HoabanError]]] = [
            self.external_network,
            self.quotas,
            self.usage,
            self.machines,
            self.storage,
        ]
        if lent is None:
            return [*checks, self.named_image]
        return [
            *checks,
            self.router_ports,
            lambda: self.lent_image(lent),
            lambda: self.lent_flavors(lent),
        ]

    def run(self, check: Callable[[], Iterator[HoabanError]]) -> list[HoabanError]:
        """A check's faults; a part of the cloud that may not be looked at is noted instead."""
        try:
            return list(check())
        except CloudError as error:
            if error.status not in NOT_ALLOWED:
                raise
            self.unchecked.append(f"{getattr(check, '__name__', 'check')}: {error.what}")
            return []

    def external_network(self) -> Iterator[HoabanError]:
        """The network that gives floating IPs is there, and has enough."""
        name = self.target.province.spec.cloud.external_network
        found = self.cloud.json(NETWORK, "GET", "/networks", params={"name": name})["networks"]
        networks = [one for one in found if one.get("router:external")]
        if not networks:
            what = "is not external" if found else "does not exist"
            yield HoabanError(
                f"the network `{name}` {what} in the cloud",
                where=place(self.province_file, "cloud", "external_network"),
                mend="see: openstack network list --external",
            )
            return
        # The province's router takes one, too, when it is made.
        need = self.new.floating_ips + (self.target.agency is None and self.built is None)
        if need and (have := capacity.free_addresses(self.cloud, networks[0]["id"])) < need:
            yield HoabanError(
                f"the network `{name}` has {have} free addresses, {need} more are planned",
                mend="release floating IPs that nobody uses, or add a subnet to the network",
            )

    def named_image(self) -> Iterator[HoabanError]:
        """The image that the stack's configuration names is there."""
        values = {**StackConfig.load(self.stack.config_file).values, **self.stack.config}
        name = values.get("province:image") or values.get("image")
        if not name:
            return
        found = self.cloud.json(IMAGE, "GET", "/images", params={"name": str(name)})["images"]
        if not any(image["status"] == "active" for image in found):
            yield HoabanError(
                f"the cloud has no image `{name}`",
                where=Location(file=str(self.stack.config_file), key="province:image"),
                mend="see: openstack image list; or take the key out, and: hoaban image build",
            )

    def lent_image(self, lent: ProvinceResources) -> Iterator[HoabanError]:
        """The province's image is still there; only new servers need it."""
        if not self.new.servers:
            return
        image = self.cloud.find(IMAGE, f"/images/{lent.image_id}")
        if image is None or image["status"] != "active":
            yield HoabanError(
                f"the guest image `{lent.image_name}` is gone from the cloud ({lent.image_id})",
                mend="upload it again: hoaban up --refresh",
            )

    def lent_flavors(self, lent: ProvinceResources) -> Iterator[HoabanError]:
        """The flavors of all planned sizes are there."""
        listed = self.cloud.pages(COMPUTE, "/flavors", "flavors", params={"is_public": "None"})
        have = {flavor["id"] for flavor in listed}
        for size in sorted({host.size_name for host in self.target.plan.hosts}):
            flavor = lent.flavor_ids.get(size)
            if flavor is None:
                yield HoabanError(
                    f"the foundation has no flavor for the size `{size}` yet",
                    mend="hoaban up",
                )
            elif flavor not in have:
                yield HoabanError(
                    f"the flavor of the size `{size}` is gone from the cloud ({flavor})",
                    mend="make it again: hoaban up --refresh",
                )

    def quotas(self) -> Iterator[HoabanError]:
        """The quotas that will stand hold the plan.

        A plan brings its quotas along, so only those can be too small that were set before with
        the same values and lowered by hand since, without the state's knowing it.
        """
        if self.refresh or self.built is None:
            return
        if self.built.environment.quota != self.target.plan.quota:
            return
        project = self.built.project_id
        if self.cloud.find(IDENTITY, f"/projects/{project}") is None:
            return
        planned = needs.totals(self.target.plan)
        for service, path, noun, names in (
            (COMPUTE, "/os-quota-sets", "quota_set", needs.COMPUTE_QUOTAS),
            (VOLUME, "/os-quota-sets", "quota_set", needs.VOLUME_QUOTAS),
            (NETWORK, "/quotas", "quota", needs.NETWORK_QUOTAS),
        ):
            limits = self.cloud.json(service, "GET", f"{path}/{project}")[noun]
            share = {name: planned[name] for name in names if not self._known(name, limits)}
            again = f"hoaban up {self.target.agency or ''} --refresh".replace("  ", " ")
            yield from needs.quota_errors(self.target.plan.project, share, limits, again)

    def usage(self) -> Iterator[HoabanError]:
        """What stands in the project, by whoever made it, leaves room for what is to be added."""
        if self.built is None:
            return
        plan, project = self.target.plan, self.built.project_id
        added = needs.additions(plan, self.built.environment)
        if not any(added.values()):
            return
        if self.cloud.find(IDENTITY, f"/projects/{project}") is None:
            return
        told = capacity.usage(self.cloud, project)
        yield from needs.usage_errors(plan.project, added, needs.granted(plan.quota), told)

    def router_ports(self) -> Iterator[HoabanError]:
        """The province's router has a port in each subnet, of the foundation's project.

        An agency that was added after the foundation was built last is not in that quota.
        """
        foundation = self.target.of(None).built()
        before = self.built.environment.networks if self.built else []
        names = {one.name for one in self.target.plan.networks} - {one.name for one in before}
        if foundation is None or not names:
            return
        ports = capacity.network_usage(self.cloud, foundation.project_id).get("port")
        need = PORTS_OF_ROUTER * len(names)
        if ports is None or ports.limit == needs.UNLIMITED or ports.used + need <= ports.limit:
            return
        yield HoabanError(
            f"the province's router has {max(0, ports.limit - ports.used)} ports left in the quota "
            f"of its project, {need} more are planned",
            mend="raise it, which the foundation does by itself: hoaban up",
        )

    def _known(self, name: str, limits: Mapping[str, int]) -> bool:
        """Whether the state has a quota as it stands: then this update sets it back."""
        first, *rest = name.split("_")
        key = "".join([first, *(part.capitalize() for part in rest)])
        return any(
            key in one.outputs and one.outputs[key] == limits.get(name)
            for one in self._resources
            if one.type in QUOTAS
        )

    @cached_property
    def _resources(self) -> list[Resource]:
        return list(open_stack(self.stack, create=False).store.load().snapshot.resources)

    def machines(self) -> Iterator[HoabanError]:
        """The hypervisors have room for the new servers, and for those that are resized."""
        if self.new.servers or self.new.resized:
            zone = self.target.province.spec.cloud.availability_zone
            yield from needs.compute_errors(self.new, capacity.machines(self.cloud, zone))

    def storage(self) -> Iterator[HoabanError]:
        """The volume service has room for the new volumes and for those that grow."""
        if self.new.volumes:
            type_ = self.target.province.spec.cloud.volume_type
            pools = capacity.storage_pools(self.cloud, type_)
            yield from needs.volume_errors(self.new.volumes, pools)
