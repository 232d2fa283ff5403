"""Resource types that rules are about."""

from typing import Final

CONTAINER: Final = "openstack:objectstorage/container:Container"
FLOATING_IP: Final = "openstack:networking/floatingIp:FloatingIp"
PROJECT: Final = "openstack:identity/project:Project"
RULE: Final = "openstack:networking/secGroupRule:SecGroupRule"
SERVER: Final = "openstack:compute/instance:Instance"
VOLUME: Final = "openstack:blockstorage/volume:Volume"
