"""The pages about the controls, ``docs/controls/``, made from the catalogue.

``python -m hoaban.controls.pages`` brings them up to date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.controls.catalogue import EDITION, catalogue
from hoaban.controls.model import Control, Family, Kind, Setting, Status
from hoaban.files import write_atomic
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = toolkit_root() / "docs/controls"
INDEX = "README.md"
HEAD = f"""\
# Controls

What a server of the province is hardened against. An agency's security level (Decree
85/2016/NĐ-CP) selects the controls: those of its level and of all lower ones. These pages are made
from `hoaban/controls/catalogue/` (`python -m hoaban.controls.pages`), as are the settings of the
role [hardening](../../roles/hardening/README.md) and what the check
[`hardening`](../checks.md#hardening) reads. How to waive one: [hardening](../hardening.md).

*CIS* are sections of the {EDITION}: none for Debian 13 was at hand. *TCVN* are clauses of
TCVN 11930:2017, chapter 5 for level 1 to chapter 9 for level 5. They are told down to the section
on networks (2.1) or servers (2.2); its parts could not be compared with the text of the standard,
so none is cited. Which level asks for which control is this project's own choice.

| status | means |
|---|---|
| enforced | a role, or the guest image, makes it so; `hoaban verify` proves it |
| checked | nothing of ours sets it; `hoaban verify` proves it |
| not-applicable | there is nothing of the kind on a host; the page says why |
| open | not done; it fails until it is waived |

"""


def _table(family: Family) -> str:
    rows = [f"## {family.title.en}\n\n{family.title.vi}\n", "| control | level | status | CIS |"]
    rows.append("|---|---|---|---|")
    rows += [
        f"| [{control.id}]({control.id}.md): {control.title.en} | {control.level} "
        f"| {control.status} | {', '.join(control.cis)} |"
        for control in family.controls
    ]
    return "\n".join(rows) + "\n"


def index() -> str:
    """The page that lists all controls, with how many each level selects."""
    counts = [f"| {level} | {len(catalogue().selected(level))} |" for level in range(1, 6)]
    levels = "| level | controls |\n|---|---|\n" + "\n".join(counts) + "\n\n"
    return HEAD + levels + "\n".join(_table(family) for family in catalogue().families)


def page(control: Control) -> str:
    """The page of one control."""
    facts = [
        ("Level", f"{control.level} and higher"),
        ("Status", _status(control)),
        ("CIS Debian 12", ", ".join(control.cis)),
        ("TCVN 11930:2017", ", ".join(control.tcvn_clauses)),
    ]
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts if value)
    title = f"# {control.id}\n\n**{control.title.en}** · {control.title.vi}\n"
    parts = [title, f"|  |  |\n|---|---|\n{rows}\n"]
    if control.note:
        parts.append(f"{control.note.strip()}\n")
    if control.reason:
        parts.append(f"{control.reason.en.strip()}\n\n> {control.reason.vi.strip()}\n")
    if control.settings:
        parts.append(
            "## Settings\n\n" + "\n".join(_setting(one) for one in control.settings) + "\n"
        )
    if control.check:
        parts.append(f"Proved by the check [`{control.check}`](../checks.md#{control.check}).\n")
    if control.spared:
        names = ", ".join(f"`{service}`" for service in control.spared.services)
        reason = control.spared.reason
        parts.append(
            f"## Spared\n\nHosts with the service {names}: {reason.en.strip()}\n\n"
            f"> {reason.vi.strip()}\n"
        )
    return "\n".join(parts)


def _status(control: Control) -> str:
    if control.status is not Status.ENFORCED:
        return str(control.status)
    by = "the guest image" if control.by == "image" else f"the role `{control.by}`"
    return f"enforced by {by}"


def _setting(setting: Setting) -> str:
    if setting.kind is Kind.FILE:
        body = "\n".join(f"      {line}".rstrip() for line in setting.value.strip().splitlines())
        return f"- file `{setting.key}`:\n\n{body}\n"
    value = f" = `{setting.value}`" if setting.value else ""
    more = "".join(f", from level {one.level} `{one.value}`" for one in setting.stricter)
    return f"- {setting.kind} `{setting.key}`{value}{more}"


def pages() -> dict[str, str]:
    """All pages, by file name."""
    return {INDEX: index()} | {f"{one.id}.md": page(one) for one in catalogue().controls}


def main(folder: Path = FOLDER) -> None:
    """Write the pages, and remove those of controls that are gone."""
    folder.mkdir(exist_ok=True)
    wanted = pages()
    for name, text in wanted.items():
        write_atomic(folder / name, text)
    for stale in folder.glob("*.md"):
        if stale.name not in wanted:
            stale.unlink()


if __name__ == "__main__":
    main()
