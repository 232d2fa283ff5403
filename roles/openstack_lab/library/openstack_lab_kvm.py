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
    so a guest is booted that enters long mode, computes with an instruction that the processor
    claims to have (BMI2, as Linux does when it unpacks itself), and writes one word to its serial
    port. Virtualisation that emulates the guest's kernel gets through the boot, and not that far.
options:
  timeout:
    description: Seconds that it may take; a working one takes half of one.
    type: int
    default: 5
author: [hoaban]
"""

EMULATOR = "/usr/bin/qemu-system-x86_64"
WORD = b"alive"
SECTOR_SIZE = 512
TABLES = 0x100
"""Offset of the segment descriptors; the BIOS loads the sector at 7c00."""

# Machine code and its assembly. 16 bits: one page of 2 MiB mapped to itself (tables at 1000, 2000,
# 3000), PAE, long mode, paging; then 64 bits.
ENTER_LONG_MODE = """\
fa                 cli
66 31 c0           xor  eax, eax
8e d8              mov  ds, ax
8e c0              mov  es, ax
bf 00 10           mov  di, 1000
b9 00 0c           mov  cx, c00
fc                 cld
66 f3 ab           rep stosd
c7 06 00 10 03 20  mov  word [1000], 2003
c7 06 00 20 03 30  mov  word [2000], 3003
c7 06 00 30 83 00  mov  word [3000], 83
b8 00 10           mov  ax, 1000
0f 22 d8           mov  cr3, eax
0f 20 e0           mov  eax, cr4
0c 20              or   al, 20
0f 22 e0           mov  cr4, eax
66 b9 80 00 00 c0  mov  ecx, c0000080
0f 32              rdmsr
80 cc 01           or   ah, 1
0f 30              wrmsr
0f 20 c0           mov  eax, cr0
66 0d 01 00 00 80  or   eax, 80000001
0f 22 c0           mov  cr0, eax
0f 01 16 10 7d     lgdt [7d10]
ea 55 7c 08 00     jmp  8:7c55
"""
COMPUTE = """\
b8 07 00 00 00     mov  eax, 7
31 c9              xor  ecx, ecx
0f a2              cpuid
f6 c7 01           test bh, 1
74 05              jz   +5
c4 e2 71 f7 c0     shlx eax, eax, ecx
66 ba f8 03        mov  dx, 3f8
"""
EXIT = """\
66 ba f4 00        mov  dx, f4
ee                 out  dx, al
f4                 hlt
"""
DESCRIPTORS = """\
00 00 00 00 00 00 00 00  none
00 00 00 00 00 9a 20 00  code of 64 bits
0f 00 00 7d 00 00        where they are and how long, for lgdt
"""


def machine_code(listing: str) -> bytes:
    """Bytes of a listing, whose columns are two spaces apart."""
    return b"".join(bytes.fromhex(line.split("  ")[0]) for line in listing.splitlines())


def boot_sector() -> bytes:
    """A sector that the BIOS loads: writes the word from long mode and ends the guest."""
    code = machine_code(ENTER_LONG_MODE) + machine_code(COMPUTE)
    for letter in WORD:
        code += bytes((0xB0, letter, 0xEE))  # mov al, letter; out dx, al
    code += machine_code(EXIT)
    code = code.ljust(TABLES, b"\0") + machine_code(DESCRIPTORS)
    return code.ljust(SECTOR_SIZE - 2, b"\0") + b"\x55\xaa"


def trial(accelerator: str, timeout: float) -> str:
    """Boot the sector; what is wrong, or nothing when the guest came alive."""
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder) / "boot.img"
        disk.write_bytes(boot_sector())
        command = [
            *(EMULATOR, "-nodefaults", "-display", "none", "-no-reboot"),
            *("-accel", accelerator, "-cpu", "max", "-m", "32", "-serial", "stdio"),
            *("-device", "isa-debug-exit,iobase=0xf4"),
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
