"""Ansible module: write a host's configuration files, all of them in one go.

A task with ``template`` costs three round trips and three starts of a module for each file, which
is most of the time that configuring a host takes. Here the controller renders, and one call
compares, validates and writes everything. Nothing is written unless every file is valid.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: config_files
short_description: Write configuration files, all in one go
description:
  - Compares, validates and writes any number of small text files in one call.
  - Every file that would change is validated before the first one is written.
  - A symbolic link is followed, not replaced.
  - Supports check mode (with validation) and diff.
options:
  files:
    description: Files to write or remove.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      content:
        description: Whole content; leave it out to remove the file.
        type: str
      mode:
        description: Permissions, as an octal string.
        type: str
        default: "0644"
      owner:
        description: Owner of the file.
        type: str
        default: root
      group:
        description: Group of the file.
        type: str
        default: root
      validate:
        description: Command that must succeed first; C(%s) is replaced by a file with the content.
        type: str
  folders:
    description: Folders that are made before the files.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path.
        type: path
        required: true
      mode:
        description: Permissions, as an octal string.
        type: str
        default: "0755"
      owner:
        description: Owner of the folder.
        type: str
        default: root
      group:
        description: Group of the folder.
        type: str
        default: root
  exact:
    description: Folders, owned by root, that hold exactly the files given here.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path of the folder.
        type: path
        required: true
      files:
        description: Content of each file by its name, as a list of lines.
        type: dict
        required: true
author: hoaban contributors
"""

EXAMPLES = r"""
- name: Write the configuration
  config_files:
    files:
      - path: /etc/chrony/chrony.conf
        content: "{{ lookup('ansible.builtin.template', 'chrony.conf.j2') }}"
      - path: /etc/sudoers.d/hoaban
        content: "{{ lookup('ansible.builtin.template', 'sudoers.j2') }}"
        mode: "0440"
        validate: visudo -cf %s
"""

RETURN = r"""
paths:
  description: Paths that changed, or would change in check mode.
  returned: always
  type: list
  elements: str
"""


Item = dict[str, Any]
OWNED = {"owner": "root", "group": "root"}


def read(path: str) -> str | None:
    """Content of a regular file, None when there is nothing at ``path``."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None


def expand(folder: Item) -> list[Item]:
    """One item of ``exact`` as items of ``files``: those wanted, and removals of all others."""
    place, wanted = Path(folder["path"]), folder["files"]
    there = [path.name for path in place.iterdir()] if place.is_dir() else []
    common = {**OWNED, "mode": "0644", "validate": None}
    return [
        {
            **common,
            "path": str(place / name),
            "content": "".join(f"{line}\n" for line in wanted[name]) if name in wanted else None,
        }
        for name in sorted({*wanted, *there})
    ]


def stage(module: AnsibleModule, item: Item) -> str:
    """Write the content to a hidden file beside its place, validate it, return that file's path.

    Beside, since AppArmor lets some programs (chronyd) read their own folders only; hidden, since
    no program takes a file whose name begins with a dot for its configuration.
    """
    place = Path(item["path"])
    beside = place.parent if place.parent.is_dir() else module.tmpdir
    handle, staged = tempfile.mkstemp(dir=beside, prefix=f".{place.name}.")
    module.add_cleanup_file(staged)
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(item["content"])
    if item["validate"]:
        if "%s" not in item["validate"]:
            module.fail_json(msg=f"validate of {item['path']} has no %s")
        command = [word.replace("%s", staged) for word in shlex.split(item["validate"])]
        status, out, err = module.run_command(command)
        if status != 0:
            complaint = f"{out}{err}".replace(staged, item["path"]).strip()
            module.fail_json(
                msg=f"{item['path']} is not valid, nothing was written: {complaint}",
                path=item["path"],
            )
    return str(staged)


def set_attributes(module: AnsibleModule, item: Item) -> bool:
    """Set owner, group and mode of what is there; true when they changed, or would."""
    if not Path(item["path"]).exists():
        return False
    arguments = {key: item[key] for key in ("path", "mode", "owner", "group")}
    labels = dict.fromkeys(("seuser", "serole", "setype", "selevel", "attributes"))
    common = module.load_file_common_arguments(arguments | labels)
    return bool(module.set_fs_attributes_if_different(common, changed=False))


def make_folder(module: AnsibleModule, folder: Item) -> bool:
    """Make a folder as wanted; true when it changed, or would."""
    missing = not Path(folder["path"]).is_dir()
    if missing and not module.check_mode:
        Path(folder["path"]).mkdir(parents=True)
    return set_attributes(module, folder) or missing


def write_file(module: AnsibleModule, item: Item, staged: str | None) -> bool:
    """Put a staged file in its place, or remove the file; true when its attributes changed."""
    path = Path(item["path"])
    if not module.check_mode:
        if staged is not None:
            module.atomic_move(staged, str(path.resolve()))
        elif item["content"] is None:
            path.unlink(missing_ok=True)
    return item["content"] is not None and set_attributes(module, item)


def run(module: AnsibleModule) -> dict[str, Any]:
    """Bring the files to what is wanted; the module's result."""
    exact = module.params["exact"]
    wanted = [*module.params["files"], *(item for folder in exact for item in expand(folder))]
    diffs: list[dict[str, str]] = []
    staged: dict[str, str] = {}
    for item in wanted:
        path, before, after = item["path"], read(item["path"]), item["content"]
        if before == after:
            continue
        headers = {"before_header": path, "after_header": path}
        diffs.append({**headers, "before": before or "", "after": after or ""})
        if after is not None:
            staged[path] = stage(module, item)
    common = {**OWNED, "mode": "0755"}
    folders = [*module.params["folders"], *(common | {"path": item["path"]} for item in exact)]
    changed = {diff["after_header"] for diff in diffs}
    changed |= {folder["path"] for folder in folders if make_folder(module, folder)}
    changed |= {
        item["path"] for item in wanted if write_file(module, item, staged.get(item["path"]))
    }
    return {"changed": bool(changed), "paths": sorted(changed), "diff": diffs}


def main() -> None:
    """Entry point, on the host."""
    place = {
        "path": {"type": "path", "required": True},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
    }
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    **place,
                    "content": {"type": "str"},
                    "mode": {"type": "str", "default": "0644"},
                    "validate": {"type": "str"},
                },
            },
            "folders": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {**place, "mode": {"type": "str", "default": "0755"}},
            },
            "exact": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "path", "required": True},
                    "files": {"type": "dict", "required": True},
                },
            },
        },
        supports_check_mode=True,
    )
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
