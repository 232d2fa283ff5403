"""How the cloud has the servers that the state knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keystoneauth1.exceptions import ClientException
from openstack.exceptions import SDKException

from hoaban.errors import HoabanError
from hoaban.openstack.cloud import COMPUTE
from hoaban.openstack.errors import from_exception
from hoaban.provision.credentials import blame, find_entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model import Province
    from hoaban.workspace import Workspace


def servers(
    province: Province, workspace: Workspace, hosts: Iterable[ManagedHost]
) -> dict[str, str]:
    """Nova's word (``ACTIVE``, ``SHUTOFF`` …) by server id; ``GONE`` when it has none.

    One call for all projects.
    """
    entry = find_entry(province.spec.cloud.name, workspace.inventory / "province.yml")
    try:
        with entry.connect(province.spec.cloud.region) as cloud:
            known = {one.id: str(one.status) for one in cloud.compute.servers(all_projects=True)}
    except ClientException as error:
        raise blame(from_exception(error, COMPUTE), entry.environment) from error
    except SDKException as error:
        raise HoabanError(
            f"the cloud `{entry.name}` did not list its servers: {error}",
            mend="may this account list the servers of all projects? (often: admin)",
        ) from error
    return {host.output.server_id: known.get(host.output.server_id, "GONE") for host in hosts}
