"""Ansible module: the lab's external network, from which floating addresses come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from keystoneauth1.exceptions import ClientException
from openstack.config import OpenStackConfig
from openstack.connection import Connection

DOCUMENTATION = r"""
module: openstack_lab_network
short_description: Make an external flat network with its subnets
description:
  - Makes the network and what is missing of its subnets; what exists is left as it is.
  - In check mode, a lab that does not answer is one that has nothing yet.
  - The collection openstack.cloud can't be used with the SDK that the lab's client has.
options:
  config_file: {description: The clouds.yaml to use., type: path, required: true}
  cloud: {description: Its entry., type: str, default: lab}
  name: {description: Of the network and of its provider network., type: str, default: public}
  subnets:
    description: C(cidr), C(host) (the gateway) and C(pool) (first, last address) of each.
    type: list
    elements: dict
    required: true
author: [hoaban]
"""


def missing(network: Any, name: str, subnets: list[dict[str, Any]]) -> bool:
    """Whether anything is to be made."""
    try:
        external = network.find_network(name)
    except ClientException:
        return True
    if external is None:
        return True
    have = {subnet.cidr for subnet in network.subnets(network_id=external.id)}
    return not {subnet["cidr"] for subnet in subnets} <= have


def apply(network: Any, name: str, subnets: list[dict[str, Any]]) -> bool:
    """Make what is missing; true when something was."""
    changed = False
    external = network.find_network(name)
    if external is None:
        external = network.create_network(
            name=name,
            is_router_external=True,
            provider_network_type="flat",
            provider_physical_network=name,
        )
        changed = True
    have = {subnet.cidr for subnet in network.subnets(network_id=external.id)}
    for subnet in subnets:
        if subnet["cidr"] in have:
            continue
        version = 6 if ":" in subnet["cidr"] else 4
        network.create_subnet(
            network_id=external.id,
            name=f"{name}-ipv{version}",
            ip_version=version,
            cidr=subnet["cidr"],
            gateway_ip=subnet["host"],
            allocation_pools=[dict(zip(("start", "end"), subnet["pool"], strict=True))],
            is_dhcp_enabled=False,
        )
        changed = True
    return changed


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "config_file": {"type": "path", "required": True},
            "cloud": {"type": "str", "default": "lab"},
            "name": {"type": "str", "default": "public"},
            "subnets": {"type": "list", "elements": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    if module.check_mode and not Path(module.params["config_file"]).exists():
        module.exit_json(changed=True)
    config = OpenStackConfig(config_files=[module.params["config_file"]], load_envvars=False)
    network = Connection(config=config.get_one(module.params["cloud"])).network
    act = missing if module.check_mode else apply
    module.exit_json(changed=act(network, module.params["name"], module.params["subnets"]))


if __name__ == "__main__":
    main()
