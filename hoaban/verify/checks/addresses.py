"""Hosts have the addresses and names of the plan, and no others."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from hoaban.model.spec import ProvinceService
from hoaban.verify.checks.base import Check, both, judged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.environment import NetworkPlan
    from hoaban.model.types import Text
    from hoaban.verify.facts import Facts
    from hoaban.verify.model import Finding
    from hoaban.verify.scene import Scene


class Addresses(Check):
    """Compares what the kernel says with the address plan, in both families."""

    id = "addresses"
    title = both("Đúng quy hoạch địa chỉ", "Address plan respected")
    proves = both(
        "Mỗi máy chủ mang đúng địa chỉ IPv4 và IPv6, cổng mặc định và tên đã quy hoạch, "
        "không có địa chỉ nào khác.",
        "Each host has the IPv4 and IPv6 addresses, gateways and names of the plan, and no other "
        "address.",
    )
    how = both(
        "Đọc địa chỉ và tuyến mặc định từ nhân (ip address, ip route), tên máy và tên miền đầy đủ.",
        "Addresses and default routes are read from the kernel, host name and full name from the "
        "system.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a host."""
        return scene.each(lambda host, facts: [self._judge(host, facts)])

    def _judge(self, host: ManagedHost, facts: Facts) -> Finding:
        plan = host.plan
        network = _network(host)
        planned = {
            f"{plan.ipv4}/{network.ipv4.prefixlen}",
            f"{plan.ipv6}/{network.ipv6.prefixlen}",
        }
        real = {
            f"{ip_address(info.local)}/{info.prefixlen}"
            for interface in facts.network.addresses
            for info in interface.addr_info
            if info.scope == "global"
        }
        # DHCPv6 gives single addresses (/128), whose prefix the router tells (RFC 8415, 18.2.10.1).
        if f"{plan.ipv6}/128" in real:
            real = real - {f"{plan.ipv6}/128"} | {f"{plan.ipv6}/{network.ipv6.prefixlen}"}
        problems = [both(f"thiếu {one}", f"{one} is missing") for one in sorted(planned - real)]
        problems += [
            both(f"{one} không có trong quy hoạch", f"{one} is not in the plan")
            for one in sorted(real - planned - at_times(host))
        ]
        problems += self._routes(network, facts)
        for name, wanted in ((facts.system.hostname, plan.name), (facts.system.fqdn, plan.fqdn)):
            if name != wanted:
                problems.append(
                    both(f"tên là {name}, không phải {wanted}", f"is named {name}, not {wanted}")
                )
        seen = ", ".join(sorted(real))
        return judged(
            host.name,
            problems,
            both(f"{plan.fqdn}: {seen}", f"{plan.fqdn}: {seen}"),
        )

    @staticmethod
    def _routes(network: NetworkPlan, facts: Facts) -> Iterable[Text]:
        gateways = [ip_address(r.gateway) for r in facts.network.routes if r.gateway is not None]
        if network.gateway_ipv4 not in gateways:
            yield both(
                f"cổng IPv4 không phải {network.gateway_ipv4}",
                f"the IPv4 gateway is not {network.gateway_ipv4}",
            )
        # A router announces itself by its link-local address (RFC 4861, section 6.1.2).
        six = [g for g in gateways if g.version == 6]  # noqa: PLR2004
        if not any(g.is_link_local or g == network.gateway_ipv6 for g in six):
            yield both("không có tuyến mặc định IPv6", "there is no IPv6 default route")


def at_times(host: ManagedHost) -> set[str]:
    """Addresses that a VPN hub may have beside its own: the pair's, and its own in the tunnels."""
    vpn = host.environment.vpn
    if vpn is None or ProvinceService.VPN_HUB not in host.plan.services:
        return set()
    found = {f"{host.plan.ipv4}/32", f"{host.plan.ipv6}/128"}
    if vpn.virtual is not None:
        found |= {
            f"{vpn.virtual.ipv4}/{vpn.prefix.ipv4.prefixlen}",
            f"{vpn.virtual.ipv6}/{vpn.prefix.ipv6.prefixlen}",
        }
    return found


def _network(host: ManagedHost) -> NetworkPlan:
    return next(net for net in host.environment.networks if net.zone == host.plan.zone)
