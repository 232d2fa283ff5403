"""Pages of the rules, made from their files: ``python -m stacks.policy.pages``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.files import write_atomic
from hoaban.workspace import toolkit_root
from stacks.policy.rule import Rule, StackRule
from stacks.policy.rules import RULES

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = toolkit_root() / "docs" / "policies"
INDEX: Final = "README.md"
HEAD: Final = """# Policies

Made by `python -m stacks.policy.pages` from `stacks/policy/rules`; a rule is one file there.

`hoaban plan` and `hoaban up` ask them of every resource before the first call. What is *mandatory*
stops both, exit status 3; what is *advisory* is told. A violation names the rule, the resource and
the line of the inventory. The pack is an ordinary one of Pulumi's, so that the official command
runs it too: `pulumi preview --policy-pack ../policy`. How the embedded engine does:
[policies](../engine.md#policies).

| rule | level | asked of |
|---|---|---|
"""


def _asked_of(rule: Rule) -> str:
    return "the whole stack" if isinstance(rule, StackRule) else "each resource"


def index() -> str:
    """The page that lists all rules."""
    rows = [
        f"| [{rule.id}]({rule.id}.md): {rule.title.en} | {rule.level} | {_asked_of(rule)} |"
        for rule in RULES
    ]
    return HEAD + "\n".join(rows) + "\n"


def page(rule: Rule) -> str:
    """The page of one rule."""
    return (
        f"# {rule.id}\n\n**{rule.title.en}** · {rule.title.vi}\n\n"
        f"|  |  |\n|---|---|\n| Level | {rule.level} |\n| Asked of | {_asked_of(rule)} |\n\n"
        f"{rule.reason.en}\n\n> {rule.reason.vi}\n\nMend: {rule.mend}.\n"
    )


def pages() -> dict[str, str]:
    """All pages, by file name."""
    return {INDEX: index()} | {f"{rule.id}.md": page(rule) for rule in RULES}


def main(folder: Path = FOLDER) -> None:
    """Write the pages, and remove those of rules that are gone."""
    folder.mkdir(exist_ok=True)
    wanted = pages()
    for name, text in wanted.items():
        write_atomic(folder / name, text)
    for stale in folder.glob("*.md"):
        if stale.name not in wanted:
            stale.unlink()


if __name__ == "__main__":
    main()
