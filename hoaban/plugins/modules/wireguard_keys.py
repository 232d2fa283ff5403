"""Ansible module: private keys of WireGuard interfaces, made on the host and kept there.

Only the public halves are returned. A new key takes its place in one step; until the interface is
brought to it, the old one stays in use.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: wireguard_keys
short_description: Make private keys of WireGuard interfaces, tell the public ones
description:
  - Makes a key (C(wg genkey)) for each interface that has none, readable by root alone.
  - Supports check mode; the public key of one that would be made is not told.
options:
  interfaces:
    description: Names of the interfaces.
    type: list
    elements: str
    required: true
  replace:
    description: Those of them that get a new key.
    type: list
    elements: str
    default: []
  folder:
    description: Folder of the keys.
    type: path
    default: /etc/hoaban/wireguard
author: hoaban contributors
"""

EXAMPLES = r"""
- name: Make the keys
  wireguard_keys:
    interfaces: [wg-sites]
"""

RETURN = r"""
public:
  description: Public keys by interface.
  returned: always
  type: dict
stale:
  description: Interfaces that have files in the folder and were not named.
  returned: always
  type: list
  elements: str
devices:
  description: Network interfaces of the host by their addresses.
  returned: always
  type: dict
"""


def public_key(module: AnsibleModule, private: str) -> str:
    """The public half; the private one goes by standard input, never as an argument."""
    _, out, _ = module.run_command(["wg", "pubkey"], data=private, check_rc=True)
    return str(out).strip()


def write_key(module: AnsibleModule, folder: Path, name: str) -> str:
    """Make a key, and return its public half."""
    _, private, _ = module.run_command(["wg", "genkey"], check_rc=True)
    handle, staged = tempfile.mkstemp(dir=folder, prefix=f".{name}.key.")
    module.add_cleanup_file(staged)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(private)
        stream.flush()
        os.fsync(stream.fileno())
    Path(staged).replace(folder / f"{name}.key")
    return public_key(module, str(private))


def devices(module: AnsibleModule) -> dict[str, str]:
    """Network interfaces by address, tunnels aside: these share the addresses of others."""
    _, out, _ = module.run_command(["ip", "-json", "address", "show"], check_rc=True)
    return {
        info["local"]: link["ifname"]
        for link in json.loads(out)
        for info in link["addr_info"]
        if not link["ifname"].startswith("wg-")
    }


def run(module: AnsibleModule) -> dict[str, Any]:
    """Make what is missing or to be replaced; the module's result."""
    folder, wanted = Path(module.params["folder"]), module.params["interfaces"]
    there = {path.stem for path in folder.glob("*.key")}
    new = [name for name in wanted if name not in there or name in module.params["replace"]]
    public = {}
    for name in wanted:
        if name not in new:
            private = (folder / f"{name}.key").read_text(encoding="ascii")
            public[name] = public_key(module, private)
        elif not module.check_mode:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            public[name] = write_key(module, folder, name)
    stale = sorted({*there, *(path.stem for path in folder.glob("*.json"))} - {*wanted})
    return {"changed": bool(new), "public": public, "stale": stale, "devices": devices(module)}


def main() -> None:
    """Entry point, on the host."""
    names = {"type": "list", "elements": "str"}
    module = AnsibleModule(
        argument_spec={
            "interfaces": {**names, "required": True},
            "replace": {**names, "default": []},
            "folder": {"type": "path", "default": "/etc/hoaban/wireguard"},
        },
        supports_check_mode=True,
    )
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
