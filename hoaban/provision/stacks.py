"""From a target to the stack that an engine runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.engine.api import Stack
from hoaban.provision.credentials import find_entry
from hoaban.provision.secrets import deploy_key, passphrase_file, passphrases
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hoaban.provision.target import Target


def stack_for(target: Target, config: Mapping[str, str] | None = None) -> Stack:
    """The stack of a target, with all that its program and provider need to know.

    Makes what a workspace has of its own (passphrase, deploy key) if this is the first use.
    ``config`` wins over the stack's configuration file.
    """
    workspace, cloud = target.workspace, target.province.spec.cloud
    deploy_key(workspace)
    entry = find_entry(cloud.name, workspace.inventory / "province.yml")
    settings = {"openstack:region": cloud.region} if cloud.region else {}
    return Stack(
        program=toolkit_root() / "stacks" / target.project,
        name=target.stack_name,
        backend=workspace.backend,
        config_file=config_file(target),
        passphrase_file=passphrase_file(workspace),
        passphrases=passphrases(workspace),
        config={**settings, **(config or {})},
        environment={
            "HOABAN_ROOT": str(workspace.root),
            "HOABAN_HOME": str(workspace.home),
            **entry.environment,
        },
    )


def config_file(target: Target) -> Path:
    """``Pulumi.<stack>.yaml``, where the program's ``stackConfigDir`` says."""
    return target.workspace.stack_config / target.project / f"Pulumi.{target.stack_name}.yaml"
