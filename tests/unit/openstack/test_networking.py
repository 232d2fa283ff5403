"""Networking types against Neutron in memory."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.provider import PartialFailureError, ProviderError
from hoaban.openstack import keys, patience
from tests.cloud.lifecycle import die, live

if TYPE_CHECKING:
    from tests.cloud.lifecycle import Made, Maker
    from tests.unit.openstack.fake_services import World


@pytest.fixture
def net(make: Maker) -> Made:
    return make("networking/network:Network", {"tags": ["hoaban"]}, "net")


@pytest.fixture
def subnet(make: Maker, net: Made) -> Made:
    inputs = {"networkId": net.id, "cidr": "10.0.0.0/24", "dnsNameservers": ["10.0.0.2"]}
    return make("networking/subnet:Subnet", inputs, "subnet")


def test_network_life(make: Maker, net: Made, world: World) -> None:
    held = world.neutron.networks.objects[net.id]
    assert keys.mark(net.key) in held["tags"]
    assert net.out("tags") == ["hoaban"]
    assert net.out("allTags") == ["hoaban"], "the mark is not for people"
    assert net.out("segments") == [
        {"networkType": "geneve", "physicalNetwork": "", "segmentationId": 7}
    ]
    live(
        net,
        updates={"tags": {"tags": ["b"]}, "name": {"name": "n"}, "mtu": {"mtu": 1300}},
        replaces={"tenantId": "x", "transparentVlan": True},
    )
    assert keys.mark(net.key) in held["tags"], "the mark outlives changes"
    die(net, make)


def test_tags_of_others_stay(make: Maker, net: Made, world: World) -> None:
    held = world.neutron.networks.objects[net.id]
    held["tags"].append("someone-else")
    net.state = net.read() or net.state
    assert net.out("allTags") == ["hoaban", "someone-else"]
    assert net.changes({"tags": ["hoaban"]}) == {}
    net.update({"tags": ["mine"]})
    assert set(held["tags"]) == {"mine", "someone-else", keys.mark(net.key)}


def test_change_by_hand_is_seen(make: Maker, net: Made, world: World) -> None:
    world.neutron.networks.objects[net.id] |= {"description": "by hand", "mtu": 900}
    net.state = net.read() or net.state
    assert net.changes({"tags": ["hoaban"]}) == {"description": "delete"}
    assert net.changes({"tags": ["hoaban"], "mtu": 1442}).get("mtu") == "update"
    net.update({"tags": ["hoaban"]})
    assert world.neutron.networks.objects[net.id]["description"] == ""


def test_subnet_life(make: Maker, subnet: Made) -> None:
    live(
        subnet,
        updates={
            "pools": {"allocationPools": [{"start": "10.0.0.9", "end": "10.0.0.20"}]},
            "names": {"dnsNameservers": ["10.0.0.3", "10.0.0.2"]},
            "none": {"noGateway": True},
            "again": {"noGateway": None},
        },
        replaces={"cidr": "10.1.0.0/24"},
    )
    assert subnet.out("gatewayIp") == "10.0.0.1"


def test_only_the_same_cidr_must_make_room_first(make: Maker, subnet: Made) -> None:
    news = {**subnet.inputs, "__defaults": ["name"]}

    def first(change: dict[str, object]) -> bool:
        asked = {**news, **change}
        found = subnet.provider.diff(subnet.urn, subnet.token, subnet.id, subnet.state, asked, ())
        assert found.replaces
        return found.delete_before_replace

    assert first({"ipv6RaMode": "slaac"})
    assert not first({"cidr": "10.9.0.0/24"})


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"cidr": "10.0.0.5/24"}, "has host bits set"),
        ({"cidr": "ten"}, "is not a network"),
        ({"cidr": "10.0.0.0/24", "gatewayIp": "gate"}, "is not an IP address"),
        ({"cidr": "10.0.0.0/24", "dnsNameservers": ["a", "10.0.0.1"]}, "is not an IP address"),
        ({"cidr": "10.0.0.0/24", "gatewayIp": "10.0.0.1", "noGateway": True}, "together with"),
        ({"cidr": "10.0.0.0/24", "ipv6RaMode": "mad"}, "is not one of"),
    ],
)
def test_subnet_refuses(make: Maker, net: Made, inputs: dict[str, object], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        make("networking/subnet:Subnet", {"networkId": net.id, **inputs})


def test_port_life(make: Maker, net: Made, subnet: Made, world: World) -> None:
    group = make("networking/secGroup:SecGroup", {}, "group")
    port = make(
        "networking/port:Port",
        {
            "networkId": net.id,
            "fixedIps": [{"subnetId": subnet.id, "ipAddress": "10.0.0.7"}],
            "securityGroupIds": [group.id],
        },
        "port",
    )
    assert world.http.count("PUT", r".*/ports/.*/tags") == 0, "tagged by the create itself"
    live(
        port,
        updates={
            "address": {"fixedIps": [{"subnetId": subnet.id, "ipAddress": "10.0.0.8"}]},
            "dhcp": {"extraDhcpOptions": [{"name": "a", "value": "b"}]},
            "pairs": {"allowedAddressPairs": [{"ipAddress": "10.0.0.99"}]},
            "binding": {"binding": {"vnicType": "direct"}},
            "no groups": {"securityGroupIds": None, "noSecurityGroups": True},
        },
        replaces={"macAddress": "fa:16:3e:aa:aa:aa"},
    )
    die(port, make)


def test_group_added_to_a_port_by_hand_is_drift(
    make: Maker, net: Made, subnet: Made, world: World
) -> None:
    asked = {"networkId": net.id, "securityGroupIds": ["g1"]}
    port = make("networking/port:Port", asked, "port")
    world.neutron.ports.objects[port.id]["security_groups"].append("by-hand")
    port.state = port.read() or port.state
    assert port.out("securityGroupIds") == ["g1", "by-hand"]
    assert port.changes(asked) == {"securityGroupIds[1]": "delete"}
    port.update(asked)
    assert world.neutron.ports.objects[port.id]["security_groups"] == ["g1"]


def test_address_changed_by_hand_is_drift(
    make: Maker, net: Made, subnet: Made, world: World
) -> None:
    asked = {
        "networkId": net.id,
        "fixedIps": [{"subnetId": subnet.id, "ipAddress": "10.0.0.7"}],
    }
    port = make("networking/port:Port", asked, "port")
    held = world.neutron.ports.objects[port.id]
    held["fixed_ips"] = [{"subnet_id": subnet.id, "ip_address": "10.0.0.66"}]
    port.state = port.read() or port.state
    assert port.changes(asked) == {"fixedIps[0].ipAddress": "update"}


def test_addresses_that_slaac_adds_are_no_drift(
    make: Maker, net: Made, subnet: Made, world: World
) -> None:
    asked = {"networkId": net.id, "fixedIps": [{"subnetId": subnet.id}]}
    port = make("networking/port:Port", asked, "port")
    held = world.neutron.ports.objects[port.id]
    held["fixed_ips"].append({"subnet_id": "six", "ip_address": "fd00::1"})
    port.state = port.read() or port.state
    assert port.changes(asked) == {}
    assert port.out("allFixedIps")[1] == "fd00::1"


@pytest.mark.parametrize(
    ("extension", "has_driver", "calls"),
    [
        pytest.param("tag-ports-during-bulk-creation", True, 0, id="told"),
        pytest.param("tag-creation", True, 0, id="ovn-does-not-tell"),
        pytest.param("tag-creation", False, 1, id="ovn-without-it"),
        pytest.param("port-security", False, 1, id="old"),
    ],
)
def test_tags_of_a_port_in_every_kind_of_cloud(
    make: Maker, net: Made, world: World, extension: str, has_driver: bool, calls: int
) -> None:
    world.neutron.extensions = ["tag", extension]
    world.neutron.tags_new_ports = has_driver
    port = make("networking/port:Port", {"networkId": net.id, "tags": ["a"]}, "port")
    assert world.http.count("PUT", r".*/ports/.*/tags") == calls
    assert port.out("tags") == ["a"]
    assert len(world.neutron.ports.objects[port.id]["tags"]) == 2, "ours, and the mark"


def test_ports_made_together_are_one_call(make: Maker, net: Made, world: World) -> None:
    with ThreadPoolExecutor(20) as pool:
        ports = list(
            pool.map(
                lambda n: make("networking/port:Port", {"networkId": net.id, "name": f"p{n}"}),
                range(20),
            )
        )
    assert world.http.count("POST", r".*/ports") <= 3
    assert [port.out("name") for port in ports] == [f"p{n}" for n in range(20)]
    assert len({port.id for port in ports}) == 20


def test_one_bad_port_fails_alone(make: Maker, net: Made, subnet: Made, world: World) -> None:
    def port(number: int) -> str:
        address = {"subnetId": subnet.id, "ipAddress": f"10.0.0.{number % 5 + 20}"}
        try:
            make("networking/port:Port", {"networkId": net.id, "fixedIps": [address]})
        except ProviderError as error:
            return error.what
        return "made"

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(port, range(6)))
    assert results.count("made") == 5
    failed = next(one for one in results if one != "made")
    assert "already allocated" in failed


def test_ports_that_fail_together_are_each_told_once(make: Maker, net: Made, world: World) -> None:
    world.http.fail("POST", "/ports", status=500, body={"NeutronError": {"message": "no back-end"}})

    def port(number: int) -> ProviderError:
        with pytest.raises(ProviderError) as caught:
            make("networking/port:Port", {"networkId": net.id, "name": f"p{number}"}, f"p{number}")
        return caught.value

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(port, range(4)))
    assert world.http.count("POST", ".*/ports") == 1
    assert [one.what for one in told] == [f"cannot create port p{n}: no back-end" for n in range(4)]
    assert [str(one.where.urn)[-2:] for one in told if one.where] == ["p0", "p1", "p2", "p3"]


def test_quota_that_ends_halfway(make: Maker, net: Made, world: World) -> None:
    world.neutron.ports.quota = 3

    def port(number: int) -> ProviderError | None:
        try:
            make("networking/port:Port", {"networkId": net.id, "name": f"p{number}"})
        except ProviderError as error:
            return error
        return None

    with ThreadPoolExecutor(5) as pool:
        refused = [error for error in pool.map(port, range(5)) if error]
    assert len(refused) == 2
    for error in refused:
        assert "Quota exceeded for resources: ['port']" in error.what
        assert "raise the quota" in (error.mend or "")
        assert error.where is not None
        assert error.where.request_id


def test_rules_go_by_group(make: Maker, world: World) -> None:
    groups = [
        make("networking/secGroup:SecGroup", {"deleteDefaultRules": True}, f"g{n}") for n in (1, 2)
    ]
    assert world.neutron.rules.objects == {}, "the default rules are gone"

    def rule(number: int) -> Made:
        inputs = {
            "securityGroupId": groups[number % 2].id,
            "direction": "ingress",
            "ethertype": "IPv4",
            "protocol": "tcp",
            "portRangeMin": number + 1,
            "portRangeMax": number + 1,
        }
        return make("networking/secGroupRule:SecGroupRule", inputs)

    with ThreadPoolExecutor(10) as pool:
        rules = list(pool.map(rule, range(10)))
    assert world.http.count("POST", r".*/security-group-rules") <= 6
    for number, made in enumerate(rules):
        assert made.out("portRangeMin") == number + 1
        assert made.out("securityGroupId") == groups[number % 2].id
    live(rules[0], replaces={"protocol": "udp", "remoteIpPrefix": "10.0.0.0/8"})
    die(rules[0], make)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"portRangeMin": 80, "protocol": "tcp"}, "needs both its ends"),
        ({"portRangeMin": 80, "portRangeMax": 80}, "needs a protocol"),
        ({"portRangeMin": 90, "portRangeMax": 80, "protocol": "tcp"}, "is below"),
        ({"portRangeMin": 0, "portRangeMax": 70000, "protocol": "tcp"}, "is not a port"),
        ({"remoteIpPrefix": "10.0.0.1/8"}, "host bits"),
        ({"direction": "sideways"}, "is not one of"),
        ({"protcol": "tcp"}, "did you mean protocol"),
    ],
)
def test_rule_refuses(make: Maker, inputs: dict[str, object], said: str) -> None:
    base = {"securityGroupId": "g", "direction": "ingress", "ethertype": "IPv4"}
    with pytest.raises(AssertionError, match=said):
        make("networking/secGroupRule:SecGroupRule", {**base, **inputs})


def test_router_interface_route(make: Maker, net: Made, subnet: Made, world: World) -> None:
    router = make(
        "networking/router:Router",
        {"externalNetworkId": world.neutron.external["id"], "tags": ["t"]},
        "router",
    )
    assert router.out("enableSnat") is True
    interface = make(
        "networking/routerInterface:RouterInterface",
        {"routerId": router.id, "subnetId": subnet.id},
    )
    route = make(
        "networking/routerRoute:RouterRoute",
        {"routerId": router.id, "destinationCidr": "10.5.0.0/16", "nextHop": "10.0.0.9"},
    )
    assert route.id == f"{router.id}-route-10.5.0.0/16-10.0.0.9"
    live(route, replaces={"nextHop": "10.0.0.10"})
    live(interface, replaces={"subnetId": "other"})
    live(
        router,
        updates={
            "snat": {"enableSnat": False},
            "fixed": {"externalFixedIps": [{"subnetId": "s", "ipAddress": "203.0.113.77"}]},
        },
    )
    die(route, make)
    die(interface, make)
    die(router, make)


def test_interfaces_of_one_router_are_made_in_turn(
    make: Maker, net: Made, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = make("networking/router:Router", {}, "router")
    subnets = [
        make("networking/subnet:Subnet", {"networkId": net.id, "cidr": f"10.{n}.0.0/24"})
        for n in range(4)
    ]
    under_way: list[str] = []
    most: list[int] = []
    send = world.http.send

    def slow(request: Any, **how: Any) -> Any:
        if not request.url.endswith("/add_router_interface"):
            return send(request, **how)
        under_way.append(request.url)
        most.append(len(under_way))
        time.sleep(0.02)
        try:
            return send(request, **how)
        finally:
            under_way.pop()

    monkeypatch.setattr(world.http, "send", slow)

    def interface(subnet: Made) -> Made:
        inputs = {"routerId": router.id, "subnetId": subnet.id}
        return make("networking/routerInterface:RouterInterface", inputs)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(interface, subnets))
    assert len({one.id for one in made}) == 4
    assert most == [1, 1, 1, 1]


def test_routes_of_one_router_do_not_lose_each_other(make: Maker, world: World) -> None:
    router = make("networking/router:Router", {}, "router")

    def route(number: int) -> Made:
        inputs = {
            "routerId": router.id,
            "destinationCidr": f"10.{number}.0.0/16",
            "nextHop": "10.0.0.9",
        }
        return make("networking/routerRoute:RouterRoute", inputs)

    with ThreadPoolExecutor(8) as pool:
        routes = list(pool.map(route, range(8)))
    assert len(world.neutron.routers.objects[router.id]["routes"]) == 8
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: one.delete(), routes))
    assert world.neutron.routers.objects[router.id]["routes"] == []


def test_floating_ip_and_association(make: Maker, net: Made, subnet: Made) -> None:
    port = make("networking/port:Port", {"networkId": net.id})
    address = make("networking/floatingIp:FloatingIp", {"pool": "public"}, "fip")
    leads = make(
        "networking/floatingIpAssociate:FloatingIpAssociate",
        {"floatingIp": address.out("address"), "portId": port.id},
    )
    assert leads.id == address.id
    live(leads, updates={"port": {"portId": "another"}}, replaces={"floatingIp": "203.0.113.99"})
    die(leads, make)
    live(address, updates={"description": {"description": "x"}}, replaces={"pool": "other"})
    die(address, make)


def test_no_such_external_network(make: Maker) -> None:
    with pytest.raises(ProviderError, match=r"no external network called 'pubic'.*public"):
        make("networking/floatingIp:FloatingIp", {"pool": "pubic"})


def test_delete_waits_while_the_cloud_says_in_use(
    make: Maker, net: Made, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 60)
    busy = {"NeutronError": {"message": "Unable to complete operation: ports in use", "type": "x"}}
    world.http.fail("DELETE", "/networks/", status=409, body=busy, times=2)
    die(net, make)
    assert world.http.count("DELETE", r".*/networks/.*") == 4  # twice refused, done, gone already


def test_delete_gives_up_with_the_clouds_words(make: Maker, net: Made, world: World) -> None:
    busy = {"NeutronError": {"message": "There are one or more ports still in use", "type": "x"}}
    world.http.fail("DELETE", "/networks/", status=409, body=busy, times=999)
    with pytest.raises(ProviderError, match="one or more ports still in use"):
        net.delete()


def test_tags_that_cannot_be_set_leave_the_object_in_state(make: Maker, world: World) -> None:
    world.http.fail("PUT", "/tags", status=500, body={"NeutronError": {"message": "no"}}, times=9)
    with pytest.raises(PartialFailureError) as caught:
        make("networking/network:Network", {"tags": ["a"]}, "net")
    (held,) = [one for one in world.neutron.networks.objects.values() if one["name"] != "public"]
    assert caught.value.state.id == held["id"]
    assert caught.value.state.outputs["name"] == held["name"]
