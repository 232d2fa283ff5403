"""What a stack lends those that stand on it: its outputs, by stack references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulumi import Output, RunError, StackReference

from stacks.components.host import HostDefaults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hoaban.model.environment import EnvironmentPlan
    from hoaban.model.spec import ProvinceSpec


class Lent:
    """The resources that a province's stack exports, by a stack reference."""

    def __init__(self, province: str) -> None:
        self._province = province
        reference = StackReference(f"organization/province/{province}")
        self._resources: Output[Mapping[str, Any]] = reference.get_output("province").apply(
            self._present
        )

    @property
    def router_id(self) -> Output[str]:
        """The province's router."""
        return self._resources.apply(lambda resources: resources["router_id"])

    def defaults(self, plan: EnvironmentPlan, spec: ProvinceSpec, deploy_key: str) -> HostDefaults:
        """What all hosts of a plan have in common."""
        return HostDefaults(
            image_id=self._resources.apply(lambda resources: resources["image_id"]),
            key_pair=self._resources.apply(lambda resources: resources["key_pair"]),
            flavor_ids={host.size_name: self._flavor(host.size_name) for host in plan.hosts},
            external_network=spec.cloud.external_network,
            deploy_key=deploy_key,
            timezone=spec.timezone,
            availability_zone=spec.cloud.availability_zone,
            volume_type=spec.cloud.volume_type,
        )

    def _flavor(self, size: str) -> Output[str]:
        return self._resources.apply(lambda resources: self._sized(resources["flavor_ids"], size))

    def _present(self, resources: Mapping[str, Any] | None) -> Mapping[str, Any]:
        if resources is None:
            raise RunError(
                f"the foundation of the province `{self._province}` has not been built\n"
                "  mend: hoaban up"
            )
        return resources

    def _sized(self, flavors: Mapping[str, str], size: str) -> str:
        if size not in flavors:
            raise RunError(
                f"the foundation of `{self._province}` has no flavor for size `{size}` yet\n"
                "  mend: hoaban up"
            )
        return flavors[size]


@dataclass(frozen=True, slots=True)
class LentNetwork:
    """A network that another stack owns."""

    identifiers: Mapping[str, Output[str]]


class LentToGuest:
    """The project and the networks of an agency or the foundation, of which a drill is a guest.

    ``province`` is the slug of the province, ``agency`` None for its foundation.
    """

    def __init__(self, province: str, agency: str | None) -> None:
        self._agency = agency
        name = f"agency/{agency}" if agency is not None else f"province/{province}"
        self._reference = StackReference(f"organization/{name}")

    @property
    def project_id(self) -> Output[str]:
        """The project of whose guest it is."""
        return self._reference.get_output("project_id").apply(self._present)

    def network(self, zone: str) -> LentNetwork:
        """The network of a zone."""
        networks = self._reference.get_output("networks")

        def identifier(name: str) -> Output[str]:
            return networks.apply(lambda known: self._present((known or {}).get(zone))[name])

        names = ("network_id", "subnet_ipv4_id", "subnet_ipv6_id")
        return LentNetwork({name: identifier(name) for name in names})

    def _present(self, value: Any) -> Any:
        if value is None:
            whose = f"environment of `{self._agency}`" if self._agency else "foundation"
            raise RunError(
                f"the {whose} has not been built, or not all of it\n"
                f"  mend: hoaban up {self._agency or ''}".rstrip()
            )
        return value
