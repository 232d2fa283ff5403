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

A check that can't prove anything is *skipped*, and says why; it is never counted as passed.

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
