"""The page about the checks, ``docs/checks.md``, made from the checks themselves.

``python -m hoaban.verify.pages`` brings it up to date.
"""

from __future__ import annotations

from hoaban.files import write_atomic
from hoaban.verify.checks import CHECKS
from hoaban.workspace import toolkit_root

PAGE = toolkit_root() / "docs/checks.md"
HEAD = """\
# Checks

`hoaban verify` runs these on the running hosts; the handover report shows them with their
evidence. This page is made from the checks (`python -m hoaban.verify.pages`).

A check passes only if all that it was to prove was proved. What could not be tried or measured is
*not proved* (`skip`), and says why; it is never counted as passed, and the handover report names it
beside the signatures. Where nothing of the kind was promised, as a host without data volumes, there
is *nothing to prove* (`none`).

| id | what it proves |
|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [f"| [`{check.id}`](#{check.id}) | {check.proves.en} |" for check in CHECKS]
    sections = [
        f"\n## {check.id}\n\n**{check.title.en}** · {check.title.vi}\n\n"
        f"{check.proves.en}\n\nHow: {check.how.en}\n\n"
        f"> {check.proves.vi}\n>\n> Cách kiểm tra: {check.how.vi}\n"
        for check in CHECKS
    ]
    return HEAD + "\n".join(rows) + "\n" + "".join(sections)


if __name__ == "__main__":
    write_atomic(PAGE, page())
