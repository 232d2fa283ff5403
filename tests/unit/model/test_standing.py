"""What stacks still have is freed for nobody, whatever the inventory says."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.embedded.backend import StackName
from hoaban.errors import HoabanError
from hoaban.model import ledgerfile
from hoaban.model.allocation import label
from hoaban.model.standing import Held, held

if TYPE_CHECKING:
    from pathlib import Path

XA_B = StackName("agency", "xa-b")


def resource(stack: str, type_: str, name: str, **inputs: Any) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:{stack}::agency::hoaban:components:Tenant${type_}::{name}",
        "custom": True,
        "type": type_,
        "id": f"id-of-{name}",
        "inputs": inputs,
        "outputs": {},
    }


def write(backend: Path, stack: str, *resources: dict[str, Any], **latest: Any) -> Path:
    file = backend / ".pulumi" / "stacks" / "agency" / f"{stack}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    body = {
        "stack": f"organization/agency/{stack}",
        "latest": {"manifest": {}, "resources": list(resources), **latest},
    }
    file.write_text(json.dumps({"version": 3, "checkpoint": body}), "utf-8")
    return file


def port(stack: str, name: str, *addresses: str) -> dict[str, Any]:
    fixed = [{"subnetId": "s", "ipAddress": one} for one in addresses]
    return resource(stack, "openstack:networking/port:Port", name, fixedIps=fixed)


def subnet(stack: str, name: str, cidr: str) -> dict[str, Any]:
    return resource(stack, "openstack:networking/subnet:Subnet", name, cidr=cidr)


def rule(stack: str, name: str, remote: str) -> dict[str, Any]:
    kind = "openstack:networking/secGroupRule:SecGroupRule"
    return resource(stack, kind, name, remoteIpPrefix=remote)


def leave(inventory: Path) -> None:
    """Take xa-b out of the inventory."""
    (inventory / "agencies" / "xa-b.yml").unlink()
    (inventory / "links.yml").unlink()
    other = inventory / "agencies" / "so-a.yml"
    other.write_text(other.read_text("utf-8").replace("agencies: [xa-b]", "agencies: []"), "utf-8")


def test_ports_subnets_and_rules_are_read_without_a_key(tmp_path: Path) -> None:
    write(
        tmp_path,
        "xa-b",
        port("xa-b", "xa-b-tep-data-1", "10.2.1.138", "fd00:0:2:102::a"),
        subnet("xa-b", "xa-b-data-ipv4", "10.2.1.128/26"),
        rule("xa-b", "xa-b-base-ssh", "10.1.0.10/32"),
        resource("xa-b", "openstack:compute/instance:Instance", "xa-b-tep-data-1"),
    )
    assert held(tmp_path) == [
        Held(ip_network("10.2.1.138/32"), "Port xa-b-tep-data-1", XA_B),
        Held(ip_network("fd00:0:2:102::a/128"), "Port xa-b-tep-data-1", XA_B),
        Held(ip_network("10.2.1.128/26"), "Subnet xa-b-data-ipv4", XA_B),
        Held(ip_network("10.1.0.10/32"), "SecGroupRule xa-b-base-ssh", XA_B),
    ]


def test_what_an_operation_that_died_had_under_way_counts(tmp_path: Path) -> None:
    under_way = {"resource": subnet("xa-b", "n", "10.2.1.0/26"), "type": "creating"}
    write(tmp_path, "xa-b", pending_operations=[under_way])
    journal = tmp_path / ".pulumi" / "journals" / "agency" / "xa-b.jsonl"
    journal.parent.mkdir(parents=True)
    begin = {"begin": {"stack": "xa-b", "base": "", "registered": 0}}
    done = {"resource": port("xa-b", "p", "10.2.1.9")}
    journal.write_text("".join(f"{json.dumps(one)}\n" for one in (begin, done)), "utf-8")
    assert [str(one.network) for one in held(tmp_path)] == ["10.2.1.0/26", "10.2.1.9/32"]


def test_no_backend_holds_nothing(tmp_path: Path) -> None:
    assert held(tmp_path / "none") == []


def test_a_state_that_can_not_be_read_may_hold_anything(tmp_path: Path) -> None:
    write(tmp_path, "xa-b").write_text("{", "utf-8")
    with pytest.raises(HoabanError, match="the state cannot be used"):
        held(tmp_path)


@pytest.mark.parametrize(
    "left",
    [
        port("xa-b", "xa-b-tep-data-1", "10.2.1.138"),
        subnet("xa-b", "xa-b-data-ipv6", "fd00:0:2:102::/64"),
    ],
    ids=["port", "subnet"],
)
def test_an_agency_whose_stack_stands_keeps_its_addresses(
    inventory: Path, tmp_path: Path, left: dict[str, Any]
) -> None:
    leave(inventory)
    write(tmp_path, "xa-b", left)
    before = (inventory / "addresses.yml").read_bytes()
    with pytest.raises(HoabanError, match="the addresses of `xa-b` are in use") as caught:
        ledgerfile.release(inventory, ["xa-b"], held(tmp_path))
    assert caught.value.mend == "put the agency's file back, then: hoaban destroy xa-b"
    assert (inventory / "addresses.yml").read_bytes() == before


def test_a_server_that_stands_keeps_its_address(inventory: Path, tmp_path: Path) -> None:
    path = inventory / "agencies" / "so-a.yml"
    path.write_text(path.read_text("utf-8").replace("count: 3", "count: 2"), "utf-8")
    write(tmp_path, "so-a", port("so-a", "so-a-cong-app-3", "10.2.0.76"))
    with pytest.raises(HoabanError) as caught:
        ledgerfile.release(inventory, ["so-a-cong-app-3"], held(tmp_path))
    assert str(caught.value) == (
        "the addresses of `so-a-cong-app-3` are in use: 10.2.0.76/32 by Port so-a-cong-app-3 of "
        "the stack organization/agency/so-a\n"
        "  mend: bring that stack to what the inventory says: hoaban up so-a"
    )


def test_an_office_that_a_rule_lets_in_keeps_its_network(inventory: Path, tmp_path: Path) -> None:
    leave(inventory)
    write(tmp_path, "so-a", rule("so-a", "so-a-cong-web-serve", "10.3.0.64/26"))
    with pytest.raises(HoabanError, match=r"`xa-b/tru-so` are in use: .* by SecGroupRule"):
        ledgerfile.release(inventory, ["xa-b"], held(tmp_path))


def test_what_others_have_is_in_nobody_s_way(inventory: Path, tmp_path: Path) -> None:
    leave(inventory)
    write(
        tmp_path,
        "so-a",
        port("so-a", "so-a-cong-web-1", "10.2.0.10", "fd00:0:2::a"),
        rule("so-a", "so-a-base-ping", "10.2.0.0/20"),
    )
    freed = ledgerfile.release(inventory, ["xa-b"], held(tmp_path))
    assert [label(key) for key in freed] == ["xa-b", "xa-b-tep-data-1", "xa-b/tru-so"]
