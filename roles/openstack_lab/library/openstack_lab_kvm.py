"""Ansible module: whether guests really run with the processor's virtualisation here."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: openstack_lab_kvm
short_description: Try whether a guest boots with KVM
description:
  - A machine may have C(/dev/kvm) and guests that hang on it (in some clouds' virtual machines),
    so a guest is booted that writes one word to its serial port.
options:
  timeout:
    description: Seconds that it may take; a working one takes half of one.
    type: int
    default: 5
author: [hoaban]
"""

EMULATOR = "/usr/bin/qemu-system-x86_64"
WORD = b"alive"
SERIAL_PORT = 0x3F8  # COM1
EXIT_PORT = 0xF4  # of the device isa-debug-exit
SECTOR_SIZE = 512


def boot_sector() -> bytes:
    """A sector that the BIOS loads and runs in real mode: writes the word and ends the guest."""
    code = b"\xba" + SERIAL_PORT.to_bytes(2, "little")  # mov dx, port
    for letter in WORD:
        code += bytes((0xB0, letter, 0xEE))  # mov al, letter; out dx, al
    code += b"\xba" + EXIT_PORT.to_bytes(2, "little") + b"\xb0\x00\xee"
    code += b"\xf4"  # hlt
    return code.ljust(SECTOR_SIZE - 2, b"\0") + b"\x55\xaa"


def trial(accelerator: str, timeout: float) -> str:
    """Boot the sector; what is wrong, or nothing when the guest came alive."""
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder) / "boot.img"
        disk.write_bytes(boot_sector())
        command = [
            *(EMULATOR, "-nodefaults", "-display", "none", "-no-reboot"),
            *("-accel", accelerator, "-m", "32", "-serial", "stdio"),
            *("-device", f"isa-debug-exit,iobase={EXIT_PORT}"),
            *("-drive", f"file={disk},format=raw,if=floppy"),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            return f"the guest was not alive after {timeout:g} s"
    if WORD in done.stdout:
        return ""
    return done.stderr.decode(errors="replace").strip() or "the guest wrote nothing"


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={"timeout": {"type": "int", "default": 5}}, supports_check_mode=True
    )
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        module.exit_json(changed=False, works=False, reason="there is no /dev/kvm")
    if module.check_mode and not Path(EMULATOR).exists():
        module.exit_json(changed=False, works=False, reason="the emulator is not installed yet")
    reason = trial("kvm", module.params["timeout"])
    module.exit_json(changed=False, works=not reason, reason=reason)


if __name__ == "__main__":
    main()
