"""What every managed host may do: be administered, keep time, be backed up, use its link."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING

from hoaban.model import rules
from hoaban.model.facts import both, mirror_endpoint
from hoaban.model.rules import EGRESS, INGRESS, Flow, RuleBook
from hoaban.model.spec import ProvinceService
from hoaban.model.types import IPNetwork, Protocol, Text

if TYPE_CHECKING:
    from hoaban.model.facts import Facts

METADATA_ADDRESS = IPv4Address("169.254.169.254")
DHCP_BROADCAST = IPv4Address("255.255.255.255")
DHCPV6_SERVERS = IPv6Address("ff02::1:2")
LINK_LOCAL = IPv6Network("fe80::/10")
LINK_MULTICAST = IPv6Network("ff02::/16")
UNSPECIFIED = IPv6Network("::/128")


def province_networks(facts: Facts) -> list[IPNetwork]:
    """The pool of the province's own networks."""
    pool = facts.spec.pools.province
    return [pool.ipv4, pool.ipv6]


def baseline(
    facts: Facts, book: RuleBook, own: list[IPNetwork], gateways: list[IPv4Address]
) -> None:
    """What every managed host needs.

    ``own`` are the networks that its owner has, ``gateways`` those of the networks with hosts.
    """
    spec = facts.spec
    bastion = rules.hosts(both(facts.serving(ProvinceService.BASTION)))
    time = rules.hosts(both(facts.serving(ProvinceService.TIME)))
    backup = rules.hosts(both(facts.keepers()))
    book.allow(
        INGRESS,
        rules.SSH,
        bastion,
        Text(vi="Quản trị qua máy chủ trung gian", en="Administration through the bastion"),
    )
    book.allow(
        INGRESS,
        rules.ICMP,
        own,
        Text(vi="Kiểm tra kết nối trong nội bộ", en="Reachability among the owner's hosts"),
    )
    for flow in rules.DNS:
        resolver = Text(vi="Phân giải tên miền", en="Name resolution")
        book.allow(EGRESS, flow, rules.hosts(spec.services.dns), resolver)
    book.allow(
        EGRESS,
        rules.NTP,
        time,
        Text(vi="Đồng bộ thời gian với máy chủ của tỉnh", en="Time from the province's hosts"),
    )
    book.allow(
        EGRESS,
        rules.METADATA,
        [ip_network(METADATA_ADDRESS)],
        Text(vi="Dịch vụ siêu dữ liệu của đám mây", en="The cloud's metadata service"),
    )
    book.allow(
        EGRESS,
        rules.BACKUP,
        backup,
        Text(vi="Gửi bản sao lưu về máy chủ sao lưu", en="Backups to the backup host"),
    )
    book.allow(
        EGRESS,
        rules.LOGS,
        rules.hosts(both(facts.serving(ProvinceService.LOG_HOST))),
        Text(vi="Gửi nhật ký về máy chủ nhật ký", en="Journals to the log host"),
    )
    mirror = mirror_endpoint(spec.services.mirror) if spec.services.mirror else None
    if mirror:
        book.allow(
            EGRESS,
            rules.tcp("mirror", mirror.port),
            rules.hosts([mirror.address]),
            Text(vi="Kho gói phần mềm của tỉnh", en="The province's package mirror"),
        )
    book.allow(
        EGRESS,
        rules.ICMP,
        [*own, *province_networks(facts)],
        Text(
            vi="Kiểm tra kết nối trong nội bộ và tới hạ tầng của tỉnh",
            en="Reachability among the owner's hosts and to the province's",
        ),
    )
    _link(book, gateways)


def _link(book: RuleBook, gateways: list[IPv4Address]) -> None:
    """What a link itself needs: neighbour discovery (RFC 4861), DHCP and DHCPv6 (RFC 8415)."""
    discovery = Text(
        vi="Phát hiện láng giềng và bộ định tuyến IPv6 (RFC 4861)",
        en="IPv6 neighbour and router discovery (RFC 4861)",
    )
    flow = Flow("discovery", Protocol.ICMP)
    # A host that checks whether its address is free asks from the unspecified address.
    book.allow(INGRESS, flow, [LINK_LOCAL, UNSPECIFIED], discovery)
    book.allow(EGRESS, flow, [LINK_LOCAL, LINK_MULTICAST], discovery)
    lease = Text(vi="Nhận và gia hạn địa chỉ (DHCP)", en="Getting and renewing an address (DHCP)")
    # Asked for by broadcast; renewed at the server, which answers from the gateway's address.
    servers = [ip_network(DHCP_BROADCAST), *rules.hosts(gateways)]
    book.allow(EGRESS, rules.udp("dhcp", 67), servers, lease)
    book.allow(EGRESS, rules.udp("dhcp", 547), [ip_network(DHCPV6_SERVERS)], lease)
    book.allow(INGRESS, rules.udp("dhcp", 546), [LINK_LOCAL], lease)
