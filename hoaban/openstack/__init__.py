"""The resource provider of the embedded engine: pulumi-openstack's types on openstacksdk."""

from hoaban.openstack.provider import OpenStackProvider

__all__ = ["OpenStackProvider"]
