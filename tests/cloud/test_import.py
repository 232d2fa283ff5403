"""What was made by hand in a real OpenStack comes under a stack, and its text changes nothing."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from hoaban.engine.api import Options
from hoaban.engine.embedded import EmbeddedEngine
from hoaban.engine.imports import ImportRequest, ImportSpec
from hoaban.errors import HoabanError
from hoaban.lab.client import connect
from hoaban.lab.layout import Layout
from hoaban.openstack import OpenStackProvider
from tests.cloud.lifecycle import PREFIX
from tests.cloud.test_provider import ENVIRON
from tests.engine.conftest import Lab
from tests.engine.fake_provider import FakeCloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openstack.connection import Connection

pytestmark = pytest.mark.cloud

NAME = f"{PREFIX}hand-{secrets.token_hex(3)}"
TYPES = {
    "net": "openstack:networking/network:Network",
    "sub": "openstack:networking/subnet:Subnet",
    "group": "openstack:networking/secGroup:SecGroup",
    "rule": "openstack:networking/secGroupRule:SecGroupRule",
    "port": "openstack:networking/port:Port",
    "volume": "openstack:blockstorage/volume:Volume",
}


@pytest.fixture
def cloud() -> Iterator[Connection]:
    with connect(Layout.of_machine()) as connection:
        yield connection


@pytest.fixture
def by_hand(cloud: Connection) -> Iterator[dict[str, str]]:
    """Ids of what somebody made with the cloud's own tools; it is taken away at the end."""
    net = cloud.network.create_network(name=NAME, description="made by hand")
    sub = cloud.network.create_subnet(
        network_id=net.id, name=NAME, ip_version=4, cidr="10.77.0.0/24", gateway_ip="10.77.0.254",
        dns_nameservers=["10.77.0.53"],
    )  # fmt: skip
    group = cloud.network.create_security_group(name=NAME, description="made by hand")
    rule = cloud.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", ether_type="IPv4", protocol="tcp",
        port_range_min=443, port_range_max=443, remote_ip_prefix="10.0.0.0/8",
    )  # fmt: skip
    port = cloud.network.create_port(
        network_id=net.id, name=NAME, security_groups=[group.id],
        fixed_ips=[{"subnet_id": sub.id, "ip_address": "10.77.0.20"}],
    )  # fmt: skip
    volume = cloud.block_storage.create_volume(name=NAME, size=1, metadata={"by": "hand"})
    cloud.block_storage.wait_for_status(volume, "available")
    yield {
        "net": net.id, "sub": sub.id, "group": group.id, "rule": rule.id, "port": port.id,
        "volume": volume.id,
    }  # fmt: skip
    cloud.block_storage.delete_volume(volume.id, ignore_missing=True)
    cloud.network.delete_port(port.id)
    cloud.network.delete_security_group(group.id)
    cloud.network.delete_network(net.id)


def test_what_was_made_by_hand_is_adopted(
    cloud: Connection, by_hand: dict[str, str], tmp_path: Path
) -> None:
    lab = Lab(tmp_path, FakeCloud())
    lab.engine = EmbeddedEngine(lambda _package, _version: OpenStackProvider(ENVIRON))
    lab.program("")
    specs = [ImportSpec(type=TYPES[name], name=name, id=id_) for name, id_ in by_hand.items()]
    request = ImportRequest(resources=specs, names={})
    result = lab.engine.import_resources(lab.stack, request, Options(), lab.events.append)
    assert result.changes == {"create": 2, "import": len(by_hand)}
    assert lab.messages("warning") == []

    program = lab.program_folder / "__main__.py"
    program.write_text(result.program)
    for verb in ("preview", "up"):
        again = lab.run(verb, refresh=True)
        assert not again.changed, [(one.op, one.urn, one.diffs) for one in again.steps]
    with pytest.raises(HoabanError, match="protected"):
        lab.run("destroy")

    # From now on it is the program's: changed, and taken away, in an order that the cloud allows.
    text = result.program.replace("made by hand", "by the program").replace("protect=True", "")
    program.write_text(text)
    lab.up()
    assert cloud.network.get_network(by_hand["net"]).description == "by the program"
    lab.run("destroy")
    assert cloud.network.find_network(NAME) is None
    assert list(cloud.network.ports(name=NAME)) == []
