"""What must hold between the parts of an inventory, beyond the form of each file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from hoaban.model.accounts import is_taken
from hoaban.model.backups import check_backup_hosts
from hoaban.model.centre import check_centre
from hoaban.model.drills import PROVINCE
from hoaban.model.exchange import CENTRE
from hoaban.model.facts import host_name, mirror_endpoint
from hoaban.model.faults import fault, repeated, unique
from hoaban.model.gateway_checks import check_gateways
from hoaban.model.interface_checks import check_interfaces
from hoaban.model.keys import fault_of_public_key
from hoaban.model.link_checks import check_links
from hoaban.model.pools import check_pools
from hoaban.model.problems import listed, near
from hoaban.model.spec import ProvinceService
from hoaban.model.types import Protocol, Zone
from hoaban.model.volumes import check_volumes
from hoaban.sealing import fault_of_recipient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.errors import HoabanError
    from hoaban.model.document import Document, KeyPath
    from hoaban.model.files import Files, Sourced
    from hoaban.model.spec import AgencySpec, ProvinceSpec, System, Tier

MAX_HOST_NAME = 63
"""Octets of a label (RFC 1035, section 2.3.4)."""
SSH_PORT = 22


def check(files: Files) -> list[HoabanError]:
    """All faults between the parts of an inventory; the ledger is checked on its own."""
    errors = [*_province(files.province)]
    for source in files.agencies.values():
        errors += _agency(files, source)
    errors += [*_host_names(files), *check_links(files), *check_interfaces(files)]
    return errors


def _province(source: Sourced[ProvinceSpec]) -> Iterator[HoabanError]:
    document, spec = source.document, source.value
    yield from check_pools(document, spec.pools)
    yield from _timezone(document, spec.timezone)
    yield from _services(document, spec)
    yield from _operators(document, spec)
    yield from check_centre(document, spec)
    yield from _sealed_to(document, spec)
    yield from check_gateways(document, spec)
    for name, host in spec.hosts.items():
        path = ("hosts", name)
        yield from _size(document, (*path, "size"), host.size, spec)
        yield from check_volumes(document, (*path, "volumes"), host.volumes)
    yield from check_backup_hosts(document, spec)


def _timezone(document: Document, name: str) -> Iterator[HoabanError]:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if available_timezones():  # a machine without the data base can't tell
            yield fault(
                document,
                ("timezone",),
                f"there is no time zone `{name}`",
                "Viet Nam's is Asia/Ho_Chi_Minh; all: timedatectl list-timezones",
            )


def _services(document: Document, spec: ProvinceSpec) -> Iterator[HoabanError]:
    counts = Counter(service for host in spec.hosts.values() for service in host.services)
    if counts[ProvinceService.BASTION] != 1:
        yield fault(
            document,
            ("hosts",),
            f"{counts[ProvinceService.BASTION]} hosts have the service `bastion`, but it is the "
            "one way in for administration",
            "give the service `bastion` to one host",
        )
    if not counts[ProvinceService.TIME]:
        yield fault(
            document,
            ("hosts",),
            "no host has the service `time`, so servers could not agree on the time",
            "add `time` to the services of a host",
        )
    for name, host in spec.hosts.items():
        if ProvinceService.BASTION in host.services and not host.floating_ip:
            yield fault(
                document,
                ("hosts", name, "floating_ip"),
                f"the bastion `{name}` has no floating IP, so nobody can reach it",
                f"add `floating_ip: true` to host `{name}`",
            )
    mirror = spec.services.mirror
    if mirror and not mirror_endpoint(mirror):
        yield fault(
            document,
            ("services", "mirror"),
            f"{mirror} names its host, but packet filters can only allow an address",
            "write the URL with the mirror's address, such as http://10.20.0.5/debian",
        )


def _operators(document: Document, spec: ProvinceSpec) -> Iterator[HoabanError]:
    names = [operator.name for operator in spec.operators]
    yield from unique(document, ("operators",), names, "name", "operator")
    for position, operator in enumerate(spec.operators):
        if is_taken(operator.name):
            yield fault(
                document,
                ("operators", position, "name"),
                f"`{operator.name}` is an account or a group of the system or of hoaban itself",
                "give the person a name of their own, such as nguyen-van-an",
            )
        for number, key in enumerate(operator.ssh_keys):
            wrong = fault_of_public_key(key)
            if wrong:
                path = ("operators", position, "ssh_keys", number)
                yield fault(document, path, *wrong)


def _sealed_to(document: Document, spec: ProvinceSpec) -> Iterator[HoabanError]:
    for position, recipient in enumerate(spec.sealed_to):
        wrong = fault_of_recipient(recipient)
        if wrong:
            yield fault(document, ("sealed_to", position), *wrong)
    for position in repeated(spec.sealed_to):
        what = "this recipient is there twice"
        yield fault(document, ("sealed_to", position), what, "delete the line")


def _size(
    document: Document, path: KeyPath, size: str, spec: ProvinceSpec
) -> Iterator[HoabanError]:
    if size not in spec.sizes:
        guess = near(size, spec.sizes)
        yield fault(
            document,
            path,
            f"unknown size `{size}`",
            guess or f"the province has the sizes {listed(spec.sizes)}",
        )


def _agency(files: Files, source: Sourced[AgencySpec]) -> Iterator[HoabanError]:
    document, agency = source.document, source.value
    for slug, whose in ((PROVINCE, "the province's own hosts are"), (CENTRE, "the centre is")):
        if agency.slug == slug:
            yield fault(
                document,
                ("slug",),
                f"`{slug}` is what {whose} called",
                "give the agency another slug, which is also its file's name",
            )
    sites = [site.slug for site in agency.sites]
    systems = [system.slug for system in agency.systems]
    yield from unique(document, ("sites",), sites, "slug", "site")
    yield from unique(document, ("systems",), systems, "slug", "system")
    for position, system in enumerate(agency.systems):
        path = ("systems", position)
        yield from _exposure(files, source, system, (*path, "exposure"))
        names = [container.name for container in system.containers]
        yield from unique(document, (*path, "containers"), names, "name", "container")
        for zone, tier in system.tiers.items():
            yield from _tier(files, document, tier, (*path, "tiers", zone))
            yield from _name_length(document, agency, system, zone, (*path, "tiers", zone))
        hosts = files.province.value.hosts.values()
        if system.backup and not any(ProvinceService.BACKUP_HOST in h.services for h in hosts):
            yield fault(
                document,
                (*path, "backup"),
                f"the system `{system.slug}` is to be backed up, but the province has no host "
                "for backups",
                "give the service `backup_host` to a host in province.yml",
            )


def _exposure(
    files: Files, source: Sourced[AgencySpec], system: System, path: KeyPath
) -> Iterator[HoabanError]:
    document, agency = source.document, source.value
    for position, other in enumerate(system.exposure.agencies):
        here = (*path, "agencies", position)
        if other == agency.slug:
            yield fault(
                document,
                here,
                f"the system `{system.slug}` is exposed to its own agency as if to another",
                "write `own_agency: true` instead",
            )
        elif other not in files.agencies and other not in files.broken:
            guess = near(other, files.agencies)
            yield fault(
                document,
                here,
                f"there is no agency `{other}`",
                guess or f"add it first: hoaban new {other}",
            )
    if system.exposure.centre and not files.province.value.services.centre_networks:
        yield fault(
            document,
            (*path, "centre"),
            f"the system `{system.slug}` is for the centre, whose networks are not known",
            "list them in province.yml: services.centre_networks",
        )


def _tier(files: Files, document: Document, tier: Tier, path: KeyPath) -> Iterator[HoabanError]:
    yield from _size(document, (*path, "size"), tier.size, files.province.value)
    yield from check_volumes(document, (*path, "volumes"), tier.volumes)
    ports = [(port.port, port.protocol) for port in tier.ports]
    for position in repeated(ports):
        yield fault(
            document,
            (*path, "ports", position),
            f"port {ports[position][0]}/{ports[position][1]} is there twice",
            "list each port once",
        )
    for position, port in enumerate(tier.ports):
        if not port.protocol.has_ports:
            yield fault(
                document,
                (*path, "ports", position, "protocol"),
                f"{port.protocol} has no ports",
                "write tcp or udp; ICMP needs no mention",
            )
        if (port.port, port.protocol) == (SSH_PORT, Protocol.TCP):
            yield fault(
                document,
                (*path, "ports", position, "port"),
                "22/tcp is SSH: as a port of a tier it lets its users in past the bastion, the "
                "one way in for administration",
                "delete it: the bastion reaches every host by SSH anyhow; serve files by SFTP "
                "from another port, such as 2222",
            )


def _name_length(
    document: Document, agency: AgencySpec, system: System, zone: Zone, path: KeyPath
) -> Iterator[HoabanError]:
    name = host_name(agency.slug, system.slug, zone, system.tiers[zone].count)
    if len(name) > MAX_HOST_NAME:
        yield fault(
            document,
            path,
            f"the host name {name} has {len(name)} characters, but DNS allows {MAX_HOST_NAME}",
            f"shorten the system's slug by {len(name) - MAX_HOST_NAME} characters or more",
        )


def _host_names(files: Files) -> Iterator[HoabanError]:
    """Hosts of two owners that would have one name: `a` + `b-c` and `a-b` + `c`."""
    owners: dict[str, str] = {
        name: f"{files.province.document.name}: hosts.{name}" for name in files.province.value.hosts
    }
    for source in files.agencies.values():
        agency = source.value
        for position, system in enumerate(agency.systems):
            if system.slug in {other.slug for other in agency.systems[:position]}:
                continue  # told already: two systems with one slug
            for zone in system.tiers:
                name = host_name(agency.slug, system.slug, zone, 1)
                place = f"{source.document.name}: systems[{position}].tiers.{zone}"
                first = owners.setdefault(name, place)
                if first != place:
                    yield fault(
                        source.document,
                        ("systems", position, "slug"),
                        f"the host name {name} is given by {first} too",
                        "choose another slug for the system",
                    )
