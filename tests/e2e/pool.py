"""A package of which Debian's archive has an older version than its security updates have."""

from __future__ import annotations

import lzma
import re
import subprocess
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

LIST = "main/binary-amd64/Packages.xz"


class Older(NamedTuple):
    """A package that is installed, an older version of it, and where that is found."""

    package: str
    old: str
    new: str
    url: str


def older(mirror: str, installed: Mapping[str, str]) -> Older | None:
    """The smallest package that can go back to an older version by itself; None if there is none.

    Alone of its source on the host, so that no other package insists on the same version; and not
    the kernel, which the image holds.
    """
    main = _packages(f"{mirror}/dists/trixie/{LIST}")
    security = _packages(f"{mirror}-security/dists/trixie-security/{LIST}")
    sources = Counter(_source(main[name]) for name in installed if name in main)
    found = [
        (int(main[name]["Size"]), name)
        for name, version in installed.items()
        if name in main
        and not name.startswith("linux-")
        and security.get(name, {}).get("Version") == version
        and sources[_source(main[name])] == 1
        and _before(main[name]["Version"], version)
    ]
    if not found:
        return None
    name = min(found)[1]
    url = f"{mirror}/{main[name]['Filename']}"
    return Older(name, main[name]["Version"], installed[name], url)


def _packages(url: str) -> dict[str, dict[str, str]]:
    """Fields by package, of a list of packages."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=300) as answer:
        text = lzma.decompress(answer.read()).decode()
    stanzas = (
        dict(re.findall(r"^(Package|Source|Version|Size|Filename): (.*)$", stanza, re.MULTILINE))
        for stanza in text.split("\n\n")
    )
    return {stanza["Package"]: stanza for stanza in stanzas if stanza}


def _source(stanza: Mapping[str, str]) -> str:
    return stanza.get("Source", stanza["Package"]).split()[0]


def _before(one: str, other: str) -> bool:
    return subprocess.run(["dpkg", "--compare-versions", one, "lt", other]).returncode == 0  # noqa: PLW1510
