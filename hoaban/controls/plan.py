"""What the role ``hardening`` writes on a host: the catalogue's settings, by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hoaban.controls.catalogue import Catalogue, catalogue, enforced_by
from hoaban.controls.model import Kind, Setting

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLE: Final = "hardening"
MOUNTS: Final = {
    "/tmp": "mode=1777,strictatime,size=50%,nr_inodes=1m",  # noqa: S108 - a mount point's options
    "/dev/shm": "mode=1777",  # noqa: S108
}
"""Mount points in memory, with the options that they have besides."""


def plan(
    level: int,
    services: Sequence[str] = (),
    waived: Sequence[str] = (),
    source: Catalogue | None = None,
) -> dict[str, Any]:
    """Settings of a host as plain values, by what the role does with them.

    ``absent`` are files of ours that another level, or no waiver, would have; files of Debian's
    stay as they are when a control is waived.
    """
    source = source or catalogue()
    wanted = enforced_by(ROLE, source.settings(level, services, waived))
    every = enforced_by(ROLE, source.settings(max(5, level)))
    of: dict[Kind, list[Setting]] = {kind: [] for kind in Kind}
    for setting in wanted:
        of[setting.kind].append(setting)
    values = {(one.kind, one.key): one.at(level) for one in wanted}
    conf: dict[str, dict[str, str]] = {}
    for one in of[Kind.CONF]:
        path, key = one.key.split()
        conf.setdefault(path, {})[key] = values[one.kind, one.key]
    mounts: dict[str, list[str]] = {}
    for one in of[Kind.MOUNT]:
        place, option = one.key.split()
        mounts.setdefault(place, []).append(option)
    return {
        "sysctls": {one.key: values[one.kind, one.key] for one in of[Kind.SYSCTL]},
        "modules": [one.key for one in of[Kind.MODULE]],
        "sshd": {one.key: values[one.kind, one.key] for one in of[Kind.SSHD]},
        "pam": [one.key for one in of[Kind.PAM]],
        "conf": conf,
        "files": {one.key: values[one.kind, one.key] for one in of[Kind.FILE]},
        "absent": sorted({one.key for one in every if _ours(one)} - {one.key for one in wanted}),
        "lines": [_line(one, values[one.kind, one.key]) for one in of[Kind.LINE]],
        "modes": [_mode(one) for one in of[Kind.MODE]],
        "mounts": [
            {"path": place, "options": f"{MOUNTS[place]},{','.join(options)}"}
            for place, options in mounts.items()
        ],
        "packages_absent": [one.key for one in of[Kind.PACKAGE_ABSENT]],
    }


def _ours(setting: Setting) -> bool:
    return setting.kind is Kind.FILE and "60-hoaban" in setting.key


def _line(setting: Setting, value: str) -> dict[str, str]:
    path, key = setting.key.split()
    return {"path": path, "key": key, "value": value}


def _mode(setting: Setting) -> dict[str, str]:
    mode, owner, group = setting.value.split()
    return {"path": setting.key, "mode": mode, "owner": owner, "group": group}
