"""Objects that are there, imported: what a program has to declare of them changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.engine.api import Options
from hoaban.engine.embedded import EmbeddedEngine, secrets
from hoaban.engine.embedded.adoption import adopt
from hoaban.engine.embedded.state import Resource
from hoaban.engine.imports import ImportRequest, ImportSpec
from hoaban.engine.values import Secret
from hoaban.openstack import OpenStackProvider
from hoaban.openstack.nested import Nested
from hoaban.openstack.registry import RESOURCES
from tests.engine.conftest import Lab
from tests.engine.fake_provider import FakeCloud
from tests.unit.openstack import recorded
from tests.unit.openstack.recorded import Recorded

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.api import UpdateResult
    from tests.cloud.lifecycle import Made, Maker
    from tests.unit.openstack.fake_services import World

TYPES = recorded.types()
# What no API tells, and a program must give.
UNTOLD = {
    "openstack:dns/transferAccept:TransferAccept": "key",
    "openstack:keymanager/orderV1:OrderV1": "meta",
    "openstack:networking/bgpPeerV2:BgpPeerV2": "password",
}


def full_id(made: Made) -> str:
    """The id by which the object is found: some are only known together with their parent."""
    kind = RESOURCES[made.token]
    apart = isinstance(kind, Nested) and not kind.compound and kind.parent in made.state.outputs
    return f"{made.out(kind.parent)}/{made.id}" if apart else made.id


@pytest.mark.parametrize("token", sorted(TYPES))
def test_every_type(token: str, world: World, make: Maker, provider: OpenStackProvider) -> None:
    case = TYPES[token]
    Recorded(world.http, case)
    world.http.on("GET", f"{case.api['path']}/[^/]+/payload", lambda *_: "s3cret-of-a-test")
    made = make(case.type, case.inputs)
    provider.begin_epoch()
    wanted = Resource(urn=made.urn, type=token, custom=True, id=full_id(made))
    found = adopt(provider, wanted, ImportSpec(type=token))
    told = [f"the program's text needs a hand: {UNTOLD[token]}: "] if token in UNTOLD else []
    assert len(found.warnings) == len(told)
    assert all(one in text for one, text in zip(told, found.warnings, strict=True))
    assert found.resource.id == made.id
    for name in provider.secret_outputs(token) & found.given.keys():
        assert isinstance(found.given[name], Secret)


def test_a_container_tells_its_metadata_and_no_key(
    make: Maker, provider: OpenStackProvider, world: World
) -> None:
    made = make("objectstorage/container:Container", {"metadata": {"owner": "xa"}}, "files")
    world.swift.containers[made.id]["X-Container-Meta-Temp-Url-Key-2"] = "hush"
    wanted = Resource(urn=made.urn, type=made.token, custom=True, id=made.id)
    found = adopt(provider, wanted, ImportSpec(type=made.token))
    assert {key.lower(): value for key, value in found.given["metadata"].items()} == {"owner": "xa"}
    assert found.warnings == []


class Site:
    """A stack, and a cloud with what somebody made by hand."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.lab = Lab(folder, FakeCloud())
        self.lab.program("")
        self.lab.engine = EmbeddedEngine(lambda _package, _version: OpenStackProvider(environ))

    def bring(self, **made: Made | str) -> UpdateResult:
        specs = [
            ImportSpec(type=one.token, name=name, id=full_id(one)) for name, one in made.items()
        ]
        request = ImportRequest(resources=specs, names={})
        self.lab.events.clear()
        return self.lab.engine.import_resources(
            self.lab.stack, request, Options(), self.lab.events.append
        )

    def run(self, text: str) -> UpdateResult:
        (self.lab.program_folder / "__main__.py").write_text(text)
        return self.lab.engine.up(self.lab.stack, Options(), self.lab.events.append)


@pytest.fixture
def site(tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(secrets, "PBKDF2_COUNT", 1000)
    secrets._derive.cache_clear()
    return Site(tmp_path / "site", environ)


def test_a_network_with_all_that_hangs_on_it(site: Site, make: Maker, world: World) -> None:
    net = make("networking/network:Network", {"description": "của xã", "tags": ["office"]}, "net")
    sub = make(
        "networking/subnet:Subnet",
        {
            "networkId": net.id,
            "cidr": "10.0.0.0/24",
            "gatewayIp": "10.0.0.254",
            "dnsNameservers": ["10.0.0.53"],
            "allocationPools": [{"start": "10.0.0.10", "end": "10.0.0.99"}],
        },
        "sub",
    )
    public = world.neutron.external["id"]
    router = make("networking/router:Router", {"externalNetworkId": public}, "router")
    join = make(
        "networking/routerInterface:RouterInterface",
        {"routerId": router.id, "subnetId": sub.id},
        "join",
    )
    group = make("networking/secGroup:SecGroup", {"deleteDefaultRules": True}, "group")
    rule = make(
        "networking/secGroupRule:SecGroupRule",
        {
            "securityGroupId": group.id,
            "direction": "ingress",
            "ethertype": "IPv4",
            "protocol": "tcp",
            "portRangeMin": 443,
            "portRangeMax": 443,
            "remoteIpPrefix": "10.0.0.0/8",
        },
        "rule",
    )
    port = make(
        "networking/port:Port",
        {
            "networkId": net.id,
            "fixedIps": [{"subnetId": sub.id, "ipAddress": "10.0.0.20"}],
            "securityGroupIds": [group.id],
        },
        "port",
    )
    flavor = make("compute/flavor:Flavor", {"ram": 512, "vcpus": 1, "disk": 1}, "tiny")
    key = make("compute/keypair:Keypair", {"publicKey": "ssh-ed25519 AAAA me"}, "key")
    volume = make("blockstorage/volume:Volume", {"size": 1, "metadata": {"a": "b"}}, "data")
    image = str(world.images.make({"name": "debian-13", "tags": []})["id"])
    server = make(
        "compute/instance:Instance",
        {
            "flavorId": flavor.id,
            "imageId": image,
            "keyPair": key.id,
            "networks": [{"port": port.id}],
            "metadata": {"agency": "so-y-te"},
            "tags": ["web"],
            "userData": "#cloud-config\n",
        },
        "server",
    )
    made = {
        "server": server, "port": port, "rule": rule, "group": group, "join": join,
        "router": router, "sub": sub, "net": net,
        "flavor": flavor, "key": key, "volume": volume,
    }  # fmt: skip
    sent = len([one for one in world.http.log if one.method != "GET"])
    result = site.bring(**made)
    assert site.lab.messages("warning") == []
    for line in (  # what the objects are, although the cloud would fill in something for each
        'tags=["office"]',
        'cidr="10.0.0.0/24"',
        'gateway_ip="10.0.0.254"',
        'fixed_ips=[{"subnet_id": sub.id, "ip_address": "10.0.0.20"}]',
        "security_group_ids=[group.id]",
        'networks=[{"port": port.id}]',
        'metadata={"agency": "so-y-te"}',
        'remote_ip_prefix="10.0.0.0/8"',
        f'external_network_id="{public}"',
        'public_key="ssh-ed25519 AAAA me"',
        "router_id=router.id",
    ):
        assert f"    {line},\n" in result.program, line
    for noise in ("region", "tenant_id", "mtu", "device_id", "all_tags", "hoaban:"):
        assert noise not in result.program
    again = site.run(result.program)
    assert again.changes == {"same": len(made) + 2}, [
        (one.op, one.urn, one.diffs) for one in again.steps if one.op != "same"
    ]
    # The login is a POST; nothing else is.
    assert [
        (one.method, one.path)
        for one in [one for one in world.http.log if one.method != "GET"][sent:]
        if "/auth/tokens" not in one.path
    ] == []
