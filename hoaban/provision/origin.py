"""Where in the inventory a resource comes from, for errors that are about the resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.model.document import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.errors import Location
    from hoaban.model.document import KeyPath
    from hoaban.model.spec import AgencySpec, ProvinceSpec, System
    from hoaban.provision.target import Target

ANYBODY: Final = ("-any-ipv4", "-any-ipv6")  # how ids of rules end that are about every address


def origin(target: Target, urn: str) -> Location:
    """The line that a resource follows from, by its name; the file's first where none does."""
    name = urn.rpartition("::")[2]
    inventory = target.workspace.inventory
    if target.agency is None:
        relative, found = "province.yml", _of_province(target.province.spec)
    else:
        relative = f"agencies/{target.agency}.yml"
        found = _of_agency(target.province.agencies[target.agency], name)
    fitting = [one for one in found if name == one[0] or name.startswith(f"{one[0]}-")]
    _, path = max(fitting, key=lambda one: len(one[0]), default=("", ("slug",)))
    return place(inventory / relative, *path, name=f"{inventory.name}/{relative}")


def _of_province(spec: ProvinceSpec) -> Iterator[tuple[str, KeyPath]]:
    """Names of resources, or how they begin, and what they follow from."""
    yield f"{spec.slug}-bastion-ingress-ssh", ("admin_networks",)
    for name, host in spec.hosts.items():
        yield name, ("hosts", name)
        for number, volume in enumerate(host.volumes):
            yield f"{name}-{volume.name}", ("hosts", name, "volumes", number)


def _of_agency(agency: AgencySpec, name: str) -> Iterator[tuple[str, KeyPath]]:
    for position, system in enumerate(agency.systems):
        path = ("systems", position)
        begins = f"{agency.slug}-{system.slug}"
        yield begins, path
        if name.endswith(ANYBODY) and name.startswith(f"{begins}-"):
            yield name, (*path, "exposure", "public")
        for number, container in enumerate(system.containers):
            yield f"{begins}-{container.name}", (*path, "containers", number)
        yield from _of_tiers(system, begins, path)


def _of_tiers(system: System, begins: str, path: KeyPath) -> Iterator[tuple[str, KeyPath]]:
    for zone, tier in system.tiers.items():
        here = (*path, "tiers", zone.value)
        yield f"{begins}-{zone}", here
        for count in range(1, tier.count + 1):
            for number, volume in enumerate(tier.volumes):
                yield f"{begins}-{zone}-{count}-{volume.name}", (*here, "volumes", number)
