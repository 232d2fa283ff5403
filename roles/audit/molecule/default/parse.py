"""Reads audit rules by the library that auditctl reads them with; counts rules by their key.

The part of auditctl that takes a line to pieces is not in the library; what stands in the pieces,
system calls and fields, is the library's to judge: audit_rule_syscallbyname_data(3),
audit_rule_fieldpair_data(3). The kernel's own demand on paths is looked at as well.
"""

from __future__ import annotations

import ctypes
import json
import shlex
import sys
from collections import Counter
from pathlib import Path

EXIT_FILTER = 4
SETTINGS = ("-D", "-b", "-f", "-e", "--backlog_wait_time")
library = ctypes.CDLL("libaudit.so.1")
STATE = ("_audit_archadded", "_audit_syscalladded", "_audit_permadded", "_audit_exeadded")
"""What the library remembers of a rule's earlier pieces, until auditctl resets it."""
libc = ctypes.CDLL(None)
libc.calloc.restype = ctypes.c_void_p


def fail(line: str, what: str) -> None:
    """End with what is wrong."""
    sys.exit(f"{what}: {line}")


def read(line: str) -> str:
    """The key of a rule that the library takes."""
    words = shlex.split(line)
    if words[:2] != ["-a", "always,exit"]:
        fail(line, "not a rule of the exit list")
    for name in STATE:
        ctypes.c_int.in_dll(library, name).value = 0
    rule = ctypes.c_void_p(libc.calloc(1, 4096))  # the library makes it larger by realloc
    key = ""
    for option, value in zip(words[2::2], words[3::2], strict=True):
        if option == "-S":
            for name in value.split(","):
                if library.audit_rule_syscallbyname_data(rule, name.encode()) != 0:
                    fail(line, f"no system call {name}")
        elif option == "-F":
            status = library.audit_rule_fieldpair_data(
                ctypes.byref(rule), value.encode(), EXIT_FILTER
            )
            if status != 0:
                fail(line, f"field {value} is refused with {status}")
            name, _, rest = value.partition("=")
            key = rest if name == "key" else key
            folder = {"path": Path(rest).parent, "dir": Path(rest)}.get(name)
            if folder is not None and not folder.is_dir():
                fail(line, f"the kernel asks for the folder {folder}")
        else:
            fail(line, f"option {option}")
    return key


keys: Counter[str] = Counter()
for text in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
    if text.strip() and not text.startswith("#") and not text.startswith(SETTINGS):
        keys[read(text)] += 1
sys.stdout.write(json.dumps(keys))
