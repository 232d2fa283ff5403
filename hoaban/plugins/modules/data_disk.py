"""Ansible module: bring an attached volume to one partition with one file system.

What is done follows from what is found: :func:`plan` is a pure function of the two. Only a disk
that is blank, or whose half-made partition carries this module's own mark, is ever formatted;
anything else that is not exactly what is wanted is refused.
"""

from __future__ import annotations

import re
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTATION = r"""
module: data_disk
short_description: Bring an attached volume to one partition with one file system
description:
  - Makes a GPT with one partition and a labelled file system on a blank volume.
  - Grows partition and file system when the volume has grown, also while it is mounted.
  - Refuses volumes that hold anything else. Supports check mode and diff.
options:
  volume_id:
    description: Identifier of the volume in the cloud, of which the disk's serial number is made.
    type: str
    required: true
  label:
    description: Label of the file system, and name of its partition.
    type: str
    required: true
  filesystem:
    description: Kind of file system.
    type: str
    choices: [ext4, xfs]
    default: ext4
  size_gb:
    description: Size in GiB that the volume must have, at least.
    type: int
    default: 0
  owner:
    description: Owner of the root of a new file system.
    type: str
    default: root
  group:
    description: Group of the root of a new file system.
    type: str
    default: root
  mode:
    description: Permissions of the root of a new file system.
    type: str
    default: "0755"
  wait_seconds:
    description: How long to wait for the disk to show up.
    type: int
    default: 60
author: hoaban contributors
"""

EXAMPLES = r"""
- name: Prepare the volume
  data_disk:
    volume_id: 6f9c0c5e-2a52-4b35-9a53-0c8b5f8f2b7e
    label: data
"""

RETURN = r"""
steps:
  description: What was done, or would be.
  returned: always
  type: list
  elements: str
"""

MIB = 1024**2
GIB = 1024**3
UNFINISHED = "hoaban-unfinished"
"""Name of the partition from its making until its file system is complete."""
SLACK = 16 * MIB
"""Room left unused that is no reason to grow: alignment, and the second partition table."""
SERIAL_LENGTH = 20
"""A virtio disk's serial number has 20 bytes: the cloud gives it the start of the volume's id."""


@dataclass(frozen=True)
class Partition:
    """A partition: place on its disk in bytes, its name, the file system and its label."""

    path: str
    start: int
    size: int
    name: str = ""
    filesystem: str = ""
    label: str = ""
    filesystem_size: int = 0


@dataclass(frozen=True)
class Disk:
    """A disk as it was found. ``content`` names what blkid sees on the disk as a whole."""

    path: str
    size: int
    table: str = ""
    content: str = ""
    blank: bool = False
    partitions: list[Partition] = field(default_factory=list)


class RefusedError(Exception):
    """The disk is not one that may be touched."""


def plan(disk: Disk, filesystem: str, label: str, size_gb: int = 0) -> list[str]:
    """Steps that bring ``disk`` to what is wanted, of ``partition``, ``format``, ``grow``, ``fit``.

    ``grow`` is for the partition, ``fit`` for the file system in it. Raises :class:`RefusedError`.
    """
    if disk.size < size_gb * GIB:
        raise RefusedError(
            f"{disk.path} has {disk.size / GIB:.1f} GiB and not the {size_gb} GiB that were asked "
            "for: has the volume been extended, and does the host know it?"
        )
    if not disk.table and not disk.partitions:
        if disk.content or not disk.blank:
            what = f"holds {disk.content}" if disk.content else "is not blank"
            raise RefusedError(f"{disk.path} {what}, and is not formatted. {_wipe(disk)}")
        return ["partition", "format"]
    if disk.table != "gpt" or len(disk.partitions) != 1:
        raise RefusedError(
            f"{disk.path} has a {disk.table or 'strange'} partition table with "
            f"{len(disk.partitions)} partitions, which are left alone. {_wipe(disk)}"
        )
    part = disk.partitions[0]
    room = disk.size - (part.start + part.size)
    steps = ["grow"] if room > SLACK else []
    if part.name == UNFINISHED:
        return [*steps, "format"]
    if (part.filesystem, part.label) != (filesystem, label):
        found = f"{part.filesystem or 'no known file system'} with the label {part.label!r}"
        raise RefusedError(
            f"{part.path} holds {found}, not {filesystem} with the label {label!r}, and is left "
            f"alone. {_wipe(disk)}"
        )
    if steps or part.size - part.filesystem_size > SLACK:
        steps.append("fit")
    return steps


def _wipe(disk: Disk) -> str:
    return f"If it may be erased, for good: wipefs --all {disk.path} && blkdiscard -z {disk.path}"


class Host:
    """What the module reads and does on its host."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module

    def run(self, *command: str, accept: tuple[int, ...] = (0,)) -> str:
        """Run a command; its output. Another exit status than those accepted ends the module."""
        status, out, err = self.module.run_command(list(command))
        if status not in accept:
            self.module.fail_json(msg=f"{' '.join(command)}: {err.strip() or out.strip()}")
        return str(out)

    def find(self, volume_id: str, wait_seconds: int) -> str:
        """Path of the volume's disk, by its serial number; waits until udev has named it."""
        pattern = f"*{volume_id[:SERIAL_LENGTH]}*"
        end = time.monotonic() + wait_seconds
        while True:
            links = Path("/dev/disk/by-id").glob(pattern)
            disks = {
                str(link.resolve()) for link in links if not re.search(r"-part\d+$", str(link))
            }
            if len(disks) == 1:
                return disks.pop()
            if time.monotonic() > end:
                self.module.fail_json(
                    msg=f"{len(disks)} disks are named after the volume {volume_id}, not one, "
                    f"after {wait_seconds} s: is it attached to this server?"
                )
            time.sleep(1)

    def inspect(self, path: str) -> Disk:
        """The disk as it is now."""
        block = Path("/sys/class/block") / Path(path).name
        size = int((block / "size").read_text()) * 512
        known = self.probe(path)
        partitions = [
            self._partition(child) for child in sorted(block.iterdir()) if _is_partition(child)
        ]
        content = known.get("TYPE", "")
        if content and known.get("LABEL"):
            content = f"{content} with the label {known['LABEL']!r}"
        return Disk(
            path=path,
            size=size,
            table=known.get("PTTYPE", ""),
            content=content,
            blank=not known and _is_blank(path, size),
            partitions=partitions,
        )

    def probe(self, path: str) -> dict[str, str]:
        """What blkid reads on a device, past all caches. It exits with 2 when there is nothing."""
        out = self.run("blkid", "--probe", "--output", "export", path, accept=(0, 2))
        pairs = (line.split("=", 1) for line in out.splitlines() if "=" in line)
        return {key: value.replace("\\", "") for key, value in pairs if key != "DEVNAME"}

    def _partition(self, block: Path) -> Partition:
        path = f"/dev/{block.name}"
        known = self.probe(path)
        return Partition(
            path=path,
            start=int((block / "start").read_text()) * 512,
            size=int((block / "size").read_text()) * 512,
            name=known.get("PART_ENTRY_NAME", ""),
            filesystem=known.get("TYPE", ""),
            label=known.get("LABEL", ""),
            filesystem_size=self._filesystem_size(path, known.get("TYPE", "")),
        )

    def _filesystem_size(self, path: str, kind: str) -> int:
        """Size in bytes, asked of the kernel where it may not have written it down yet."""
        if kind == "ext4":
            out = self.run("dumpe2fs", "-h", path)
            found = re.findall(r"^Block (?:count|size): +(\d+)$", out, re.MULTILINE)
        elif kind == "xfs":
            out = self.run("xfs_info", path)
            found = re.findall(r"^data +=.* bsize=(\d+) +blocks=(\d+)", out, re.MULTILINE)
            found = list(found[0]) if found else []
        else:
            return 0
        return int(found[0]) * int(found[1])

    def apply(self, step: str, disk: Disk) -> Disk:
        """Do one step; the disk as it is then."""
        if step == "partition":
            new = ["--new=1:0:0", "--typecode=1:8300", f"--change-name=1:{UNFINISHED}"]
            self.run("sgdisk", "--clear", *new, disk.path)
        elif step == "grow":
            self.run("growpart", disk.path, "1")
        elif step == "format":
            self._format(disk)
        elif step == "fit":
            self._fit(disk.partitions[0])
        self.run("udevadm", "settle", "--timeout=30")
        return self.inspect(disk.path)

    def _format(self, disk: Disk) -> None:
        params, part = self.module.params, disk.partitions[0]
        force = "-F" if params["filesystem"] == "ext4" else "-f"
        self.run(f"mkfs.{params['filesystem']}", "-q", force, "-L", params["label"], part.path)
        with self._mounted(part.path) as folder:
            self.run("chown", f"{params['owner']}:{params['group']}", folder)
            self.run("chmod", params["mode"], folder)
        self.run("sgdisk", f"--change-name=1:{params['label']}", disk.path)

    def _fit(self, part: Partition) -> None:
        with self._mounted(part.path) as folder:
            if part.filesystem == "ext4":
                self.run("resize2fs", part.path)
            else:
                self.run("xfs_growfs", folder)

    @contextmanager
    def _mounted(self, path: str) -> Iterator[str]:
        """Where the device is mounted; somewhere for the time being, if it is not."""
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
            device, folder = line.split()[:2]
            if device == path:
                yield folder.encode().decode("unicode_escape")
                return
        with tempfile.TemporaryDirectory(prefix="data-disk-", dir="/run") as folder:
            self.run("mount", path, folder)
            try:
                yield folder
            finally:
                self.run("umount", folder)


def _is_partition(block: Path) -> bool:
    return (block / "partition").is_file()


def _is_blank(path: str, size: int) -> bool:
    """Whether the first and last MiB hold nothing but zeros, as those of a new volume do."""
    zeros = bytes(MIB)
    with Path(path).open("rb") as device:
        head = device.read(MIB)
        device.seek(size - MIB)
        return head == zeros and device.read(MIB) == zeros


def main() -> None:
    """Entry point, on the host."""
    module = AnsibleModule(
        argument_spec={
            "volume_id": {"type": "str", "required": True},
            "label": {"type": "str", "required": True},
            "filesystem": {"type": "str", "choices": ["ext4", "xfs"], "default": "ext4"},
            "size_gb": {"type": "int", "default": 0},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "mode": {"type": "str", "default": "0755"},
            "wait_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    host, params = Host(module), module.params
    disk = host.inspect(host.find(params["volume_id"], params["wait_seconds"]))
    try:
        steps = plan(disk, params["filesystem"], params["label"], params["size_gb"])
        if not module.check_mode:
            for step in steps:
                disk = host.apply(step, disk)
    except RefusedError as refused:
        module.fail_json(msg=str(refused), disk=disk.path)
    told = "".join(f"{step} {disk.path}\n" for step in steps)
    module.exit_json(changed=bool(steps), steps=steps, diff={"before": "", "after": told})


if __name__ == "__main__":
    main()
