"""Ansible module: kernel parameters, lines of files, modes and mount options, all in one go.

Modules of the collections take one parameter, one line or one mount a call; hardening has a hundred
of them. Here one call reads what is there, and changes what differs.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: host_settings
short_description: Kernel parameters, lines of files, modes and mount options, all in one go
description:
  - Brings the running kernel, files and mounts to the values given, and says which differed.
  - What a boot needs to set them again (C(/etc/sysctl.d)) is not written here, except for mounts,
    which have their line in C(/etc/fstab).
  - In a container the kernel is the machine's; only parameters of the network, which the container
    has for itself, are set there. The others are listed in C(left).
  - Supports check mode and diff.
options:
  sysctls:
    description: Kernel parameters, by dotted name; C(net.ipv4.conf.all) holds for each interface.
    type: dict
    default: {}
  lines:
    description: Lines of a key and a value; the first line of the key gets the value.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: File that is there., type: path, required: true}
      key: {description: First word of the line., type: str, required: true}
      value: {description: The rest of it., type: str, required: true}
  modes:
    description: Most rights, owner and group of files and folders that are there.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: File or folder., type: path, required: true}
      mode: {description: Octal., type: str, required: true}
      owner: {description: Account., type: str, required: true}
      group: {description: Group., type: str, required: true}
  mounts:
    description: File systems in memory, with their options.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: Mount point., type: path, required: true}
      options: {description: Options., type: str, required: true}
author: hoaban contributors
"""

EXAMPLES = r"""
- name: Harden
  host_settings:
    sysctls: {kernel.dmesg_restrict: "1"}
    lines: [{path: /etc/login.defs, key: UMASK, value: "027"}]
    modes: [{path: /etc/sudoers.d, mode: "0750", owner: root, group: root}]
    mounts: [{path: /dev/shm, options: "nodev,nosuid,noexec"}]
"""

RETURN = r"""
settings:
  description: What differed, with the value before and the value wanted.
  returned: always
  type: list
  elements: str
left:
  description: Kernel parameters that were left, since this is a container.
  returned: always
  type: list
  elements: str
absent:
  description: Kernel parameters that this kernel does not have; each is warned of.
  returned: always
  type: list
  elements: str
"""

SYSCTLS = Path("/proc/sys")
CONTAINER = Path("/run/systemd/container")
FSTAB = Path("/etc/fstab")
MOUNTS = Path("/proc/self/mounts")
FLAGS = ("nodev", "nosuid", "noexec")


def sysctl_paths(key: str) -> list[Path]:
    """Files of a parameter: for ``…conf.all.…`` those of each interface that is there, too."""
    parts = key.split(".")
    paths = [SYSCTLS.joinpath(*parts)]
    if parts[:1] == ["net"] and parts[2:4] == ["conf", "all"]:
        folder = SYSCTLS.joinpath(*parts[:3])
        others = sorted(path for path in folder.glob(f"*/{parts[4]}") if path.parent.name != "all")
        paths += [path for path in others if path.parent.name not in ("default", "lo")]
    return paths


def its_own(key: str) -> bool:
    """Whether a parameter is one that a container has for itself, and may set."""
    return key.startswith("net.") and os.access(sysctl_paths(key)[0], os.W_OK)


def set_sysctls(module: AnsibleModule, wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Set what differs; what differed, what a container leaves, what the kernel does not have."""
    changed: list[str] = []
    left: list[str] = []
    absent: list[str] = []
    for key, value in wanted.items():
        if CONTAINER.exists() and not its_own(key):
            left.append(key)
            continue
        for path in sysctl_paths(key):
            name = ".".join(path.relative_to(SYSCTLS).parts)
            try:
                before = path.read_text().strip()
            except FileNotFoundError:
                absent.append(name)
                continue
            if before == str(value):
                continue
            changed.append(f"{name}: {before} -> {value}")
            if not module.check_mode:
                try:
                    path.write_text(f"{value}\n")
                except OSError as error:
                    module.fail_json(msg=f"{name} can't be set to {value}: {error.strerror}")
    return {"settings": changed, "left": left, "absent": absent}


def set_lines(module: AnsibleModule, wanted: list[dict[str, str]]) -> list[str]:
    """Set the values of keys in files, one write a file."""
    changed = []
    for path in sorted({item["path"] for item in wanted}):
        text = Path(path).read_text(encoding="utf-8")
        for item in (item for item in wanted if item["path"] == path):
            key, value = item["key"], item["value"]
            line = f"{key}\t{value}"
            found = re.search(rf"^{re.escape(key)}\s+(.*?)\s*$", text, re.MULTILINE)
            if found and found.group(1) == value:
                continue
            before = found.group(1) if found else "absent"
            changed.append(f"{path} {key}: {before} -> {value}")
            if found:
                text = text[: found.start()] + line + text[found.end() :]
            else:
                text = f"{text.rstrip()}\n{line}\n"
        if not module.check_mode and any(change.startswith(f"{path} ") for change in changed):
            write(module, Path(path), text)
    return changed


def write(module: AnsibleModule, path: Path, text: str) -> None:
    """Replace a file's content at once; it keeps owner and mode."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.chmod(stat.S_IMODE(path.stat().st_mode))
    module.atomic_move(str(beside), str(path))


def set_modes(module: AnsibleModule, wanted: list[dict[str, str]]) -> list[str]:
    """Take away rights beyond those given, and give files their owner and group."""
    changed = []
    for item in wanted:
        path = Path(item["path"])
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        before, most = stat.S_IMODE(found.st_mode), int(item["mode"], 8)
        owner, group = pwd.getpwnam(item["owner"]).pw_uid, grp.getgrnam(item["group"]).gr_gid
        if before & ~most:
            changed.append(f"{path}: {before:04o} -> {before & most:04o}")
        if (found.st_uid, found.st_gid) != (owner, group):
            changed.append(f"{path}: {found.st_uid}:{found.st_gid} -> {owner}:{group}")
        if not module.check_mode:
            if (found.st_uid, found.st_gid) != (owner, group):
                os.chown(path, owner, group)
            path.chmod(before & most)
    return changed


def mounted(place: str) -> set[str] | None:
    """Options of the file system that is mounted last at a place, None when there is none."""
    options = None
    for line in MOUNTS.read_text().splitlines():
        _, where, _, words, *_ = line.split()
        if where == place:
            options = set(words.split(","))
    return options


def set_mounts(module: AnsibleModule, wanted: list[dict[str, str]]) -> list[str]:
    """Give each mount point its line in fstab, and the running mount its flags."""
    changed = []
    lines = FSTAB.read_text().splitlines() if FSTAB.exists() else []
    for item in wanted:
        place, options = item["path"], item["options"]
        line = f"tmpfs {place} tmpfs {options} 0 0"
        old = [one for one in lines if not one.startswith("#") and one.split()[1:2] == [place]]
        if old != [line]:
            changed.append(f"fstab {place}: {'; '.join(old) or 'absent'} -> {line}")
            lines = [one for one in lines if one not in old] + [line]
            if not module.check_mode:
                FSTAB.touch(mode=0o644, exist_ok=True)
                write(module, FSTAB, "\n".join(lines) + "\n")
        running = mounted(place)
        flags = [flag for flag in FLAGS if flag in options.split(",")]
        missing = [flag for flag in flags if running is not None and flag not in running]
        if missing:
            changed.append(f"{place}: {', '.join(missing)} not set")
            if not module.check_mode:
                module.run_command(
                    ["mount", "-o", f"remount,{','.join(flags)}", place], check_rc=True
                )
    return changed


def run(module: AnsibleModule) -> dict[str, Any]:
    """Bring the host to what is wanted; the module's result."""
    found = set_sysctls(module, module.params["sysctls"])
    for name in found["absent"]:
        module.warn(f"this kernel has no parameter {name}")
    settings = found["settings"]
    settings += set_lines(module, module.params["lines"])
    settings += set_modes(module, module.params["modes"])
    settings += set_mounts(module, module.params["mounts"])
    diff = {"before": "", "after": "".join(f"{one}\n" for one in settings)}
    return found | {"changed": bool(settings), "diff": diff}


def main() -> None:
    """Entry point, on the host."""

    def items(**more: str) -> dict[str, Any]:
        options = {"path": {"type": "path", "required": True}}
        options |= {name: {"type": kind, "required": True} for name, kind in more.items()}
        return {"type": "list", "elements": "dict", "default": [], "options": options}

    module = AnsibleModule(
        argument_spec={
            "sysctls": {"type": "dict", "default": {}},
            "lines": items(key="str", value="str"),
            "modes": items(mode="str", owner="str", group="str"),
            "mounts": items(options="str"),
        },
        supports_check_mode=True,
    )
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
