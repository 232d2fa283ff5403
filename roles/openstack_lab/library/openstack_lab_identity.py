"""Ansible module: users of the lab's services, and their entries in keystone's catalogue."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from keystoneauth1.exceptions import ClientException
from openstack.config import OpenStackConfig
from openstack.connection import Connection

DOCUMENTATION = r"""
module: openstack_lab_identity
short_description: Make the users of OpenStack services and the catalogue
description:
  - Makes a project C(service), one user a service with the roles C(admin) and C(service), and
    services with their public, internal and admin endpoints.
  - What exists is left as it is, except for a changed address of an endpoint.
  - In check mode, a keystone that does not answer is one that has nothing yet.
options:
  config_file: {description: The clouds.yaml to use., type: path, required: true}
  cloud: {description: Its entry., type: str, default: lab}
  region: {description: The region of the endpoints., type: str, required: true}
  password: {description: The password of new users., type: str, required: true}
  users: {description: Names of users., type: list, elements: str, required: true}
  services:
    description: Name, type and address of each service.
    type: list
    elements: dict
    required: true
author: [hoaban]
"""

INTERFACES = ("public", "internal", "admin")
DOMAIN = "default"


class Catalogue:
    """Makes what is missing; ``changed`` tells whether anything was."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.changed = False
        config = OpenStackConfig(config_files=[module.params["config_file"]], load_envvars=False)
        self.identity = Connection(config=config.get_one(module.params["cloud"])).identity

    @property
    def known(self) -> bool:
        """Whether check mode knows its answer: what is missing, nothing else can be asked of."""
        return self.changed and bool(self.module.check_mode)

    def apply(self) -> None:
        """Make everything; independent parts side by side."""
        self.admin = self.identity.find_role("admin", ignore_missing=False)
        self.service_role = self.identity.find_role("service") or self._make("role", name="service")
        self.project = self.identity.find_project("service", domain_id=DOMAIN) or self._make(
            "project", name="service", domain_id=DOMAIN
        )
        if self.known:
            return
        self.services = {service.type: service for service in self.identity.services()}
        self.endpoints = {(e.service_id, e.interface): e for e in self.identity.endpoints()}
        self.users = {user.name for user in self.identity.users(domain_id=DOMAIN)}
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(self.user, name) for name in self.module.params["users"]]
            jobs += [pool.submit(self.service, **item) for item in self.module.params["services"]]
            for job in jobs:
                job.result()

    def user(self, name: str) -> None:
        """Make user ``name``; its roles are granted last, so a user without them is remade."""
        if name not in self.users:
            self._make(
                "user",
                name=name,
                domain_id=DOMAIN,
                password=self.module.params["password"],
                default_project_id=self.project.id,
            )
        if self.known:
            return
        user = self.identity.find_user(name, domain_id=DOMAIN, ignore_missing=False)
        for role in (self.admin, self.service_role):
            if not self.identity.validate_user_has_project_role(self.project, user, role):
                self.changed = True
                if not self.module.check_mode:
                    self.identity.assign_project_role_to_user(self.project, user, role)

    def service(self, name: str, type: str, url: str) -> None:  # noqa: A002
        """Make a service with its endpoints."""
        service = self.services.get(type) or self._make("service", name=name, type=type)
        if self.known:
            return
        for interface in INTERFACES:
            endpoint = self.endpoints.get((service.id, interface))
            if endpoint is None:
                region = self.module.params["region"]
                self._make(
                    "endpoint",
                    service_id=service.id,
                    interface=interface,
                    region_id=region,
                    url=url,
                )
            elif endpoint.url != url:
                self.changed = True
                if not self.module.check_mode:
                    self.identity.update_endpoint(endpoint, url=url)

    def _make(self, kind: str, **attributes: Any) -> Any:
        self.changed = True
        if self.module.check_mode:
            return None
        return getattr(self.identity, f"create_{kind}")(**attributes)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "config_file": {"type": "path", "required": True},
            "cloud": {"type": "str", "default": "lab"},
            "region": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "users": {"type": "list", "elements": "str", "required": True},
            "services": {"type": "list", "elements": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    if module.check_mode and not Path(module.params["config_file"]).exists():
        module.exit_json(changed=True)
    catalogue = Catalogue(module)
    try:
        catalogue.apply()
    except ClientException:
        if not module.check_mode:
            raise
        catalogue.changed = True
    module.exit_json(changed=catalogue.changed)


if __name__ == "__main__":
    main()
