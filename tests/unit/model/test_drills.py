"""The scratch server of a restore drill."""

from __future__ import annotations

import pytest

from hoaban.errors import HoabanError
from hoaban.model import load
from hoaban.model.addresses import FIRST_HOST_OFFSET
from hoaban.model.drills import DRILL_OFFSET, RESTORED
from hoaban.model.environment import FIRST_POOL_OFFSET
from hoaban.model.types import Direction, Protocol
from hoaban.provision.needs import totals
from hoaban.workspace import toolkit_root

PROVINCE = load(toolkit_root() / "inventory")
AGENCY, HOST = "xa-long-sap", "xa-long-sap-mot-cua-app-1"


def test_it_has_the_size_and_room_of_its_source_at_an_address_that_no_host_gets() -> None:
    plan = PROVINCE.drill(AGENCY, HOST)
    source = next(h for h in PROVINCE.environment(AGENCY).hosts if h.name == HOST)
    (scratch,) = plan.hosts
    assert scratch.size == source.size
    assert [volume.size_gb for volume in scratch.volumes] == [v.size_gb for v in source.volumes]
    assert [v.mount for v in scratch.volumes] == [f"{RESTORED}{v.mount}" for v in source.volumes]
    assert not {v.name for v in scratch.volumes} & {v.name for v in source.volumes}
    (network,) = plan.networks
    assert scratch.ipv4 == network.ipv4[DRILL_OFFSET]
    assert scratch.ipv6 == network.ipv6[DRILL_OFFSET]
    assert 1 < DRILL_OFFSET < FIRST_HOST_OFFSET < FIRST_POOL_OFFSET
    assert scratch.backup is None, "what is restored is not backed up again"


def test_only_the_bastion_reaches_it_and_it_reaches_the_backup_host() -> None:
    rules = PROVINCE.drill(AGENCY, HOST).security_groups[0].rules
    bastion, backup = (
        next(h for h in PROVINCE.foundation().hosts if h.name == name)
        for name in ("bastion", "backup-1")
    )
    entering = {
        (str(rule.remote), rule.port_min)
        for rule in rules
        if rule.direction is Direction.INGRESS and rule.port_min not in (None, 546)
    }
    assert entering == {(f"{bastion.ipv4}/32", 22), (f"{bastion.ipv6}/128", 22)}
    leaving = {
        (str(rule.remote), rule.port_min) for rule in rules if rule.direction is Direction.EGRESS
    }
    assert (f"{backup.ipv4}/32", 8000) in leaving
    dhcp = 67  # which a host renews at its gateway
    own = PROVINCE.addresses.block(AGENCY)
    assert not [
        rule
        for rule in rules
        if rule.port_min != dhcp and rule.remote.version == 4 and rule.remote.subnet_of(own.ipv4)
    ]


@pytest.mark.parametrize("slug", list(PROVINCE.agencies))
def test_every_host_s_drill_fits_into_its_agency_s_quota(slug: str) -> None:
    plan = PROVINCE.environment(slug)
    used = totals(plan)
    quota = plan.quota
    for host in plan.hosts:
        more = totals(PROVINCE.drill(slug, host.name))
        assert used["instances"] + more["instances"] <= quota.instances
        assert used["cores"] + more["cores"] <= quota.cores
        assert used["ram"] + more["ram"] <= quota.ram_mb
        assert used["volumes"] + more["volumes"] <= quota.volumes
        assert used["gigabytes"] + more["gigabytes"] <= quota.gigabytes
        assert used["port"] + more["port"] <= quota.ports
        assert used["security_group"] + more["security_group"] <= quota.security_groups
        assert used["security_group_rule"] + more["security_group_rule"] <= (
            quota.security_group_rules
        )


def test_a_drill_of_the_province_s_own_host_is_a_guest_of_the_foundation() -> None:
    foundation = PROVINCE.foundation()
    plan = PROVINCE.drill("province", "backup-1")
    source = next(host for host in foundation.hosts if host.name == "backup-1")
    (scratch,), (network,) = plan.hosts, plan.networks
    assert (plan.agency, plan.project) == ("drill--province", foundation.project)
    assert (scratch.name, scratch.zone) == ("province-drill", source.zone)
    assert scratch.ipv4 == network.ipv4[DRILL_OFFSET]
    assert not {scratch.ipv4} & {host.ipv4 for host in foundation.hosts}
    assert (scratch.services, scratch.floating_ip, scratch.backup) == ([], False, None)
    bastion = next(host for host in foundation.hosts if host.name == "bastion")
    entering = {
        str(rule.remote)
        for rule in plan.security_groups[0].rules
        if rule.direction is Direction.INGRESS and rule.protocol is Protocol.TCP
    }
    assert entering == {f"{bastion.ipv4}/32", f"{bastion.ipv6}/128"}
    to_scratch = [
        rule
        for rule in foundation.rules_of(bastion)
        if rule.direction is Direction.EGRESS and rule.port_min == 22
    ]
    assert any(scratch.ipv4 in rule.remote for rule in to_scratch)
    used, more, quota = totals(foundation), totals(plan), foundation.quota
    assert used["instances"] + more["instances"] <= quota.instances
    assert used["gigabytes"] + more["gigabytes"] <= quota.gigabytes
    assert used["volumes"] + more["volumes"] <= quota.volumes
    assert used["security_group_rule"] + more["security_group_rule"] <= quota.security_group_rules


def test_a_host_that_is_not_there_is_told_with_near_names() -> None:
    with pytest.raises(HoabanError, match="no host `xa-long-sap-mot-cua-app-2`") as told:
        PROVINCE.drill(AGENCY, "xa-long-sap-mot-cua-app-2")
    assert HOST in str(told.value.mend)
