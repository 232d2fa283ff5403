"""Tables of variables in the roles' READMEs, made from ``meta/argument_specs.yml``.

``python -m hoaban.docsgen`` brings them up to date, ``--check`` only says which are not.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoaban.console import print_error, stdout
from hoaban.errors import HoabanError, Location
from hoaban.files import write_atomic
from hoaban.roles import Role, find_roles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BEGIN = "<!-- variables: made by python -m hoaban.docsgen -->"
END = "<!-- end of variables -->"
ROOT = Path(__file__).resolve().parents[1]

_MARKUP = re.compile(r"\b[A-Z]{1,2}\(([^)]*)\)")
_BLOCK = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)


def table(role: Role) -> str:
    """The role's variables as a Markdown table; suboptions follow their option."""
    rows = ["| Variable | Type | Default | Description |", "|---|---|---|---|"]
    rows += [f"| {' | '.join(row)} |" for row in _rows(role.options)]
    return "\n".join(rows)


def _rows(options: Mapping[str, Mapping[str, Any]], prefix: str = "") -> Iterator[tuple[str, ...]]:
    for name, option in options.items():
        kind = option.get("type", "str")
        if kind == "list":
            kind = f"list of {option.get('elements', 'any')}"
        yield f"`{prefix}{name}`", kind, _default(option), _description(option)
        inner = option.get("options")
        if inner:
            mark = "[]." if option.get("type") == "list" else "."
            yield from _rows(inner, prefix=f"{prefix}{name}{mark}")


def _default(option: Mapping[str, Any]) -> str:
    if option.get("required"):
        return "required"
    if "default" not in option:
        return ""
    value = option["default"]
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return _cell(f"`{text}`")


def _description(option: Mapping[str, Any]) -> str:
    sentences = option.get("description", "")
    text = sentences if isinstance(sentences, str) else " ".join(sentences)
    choices = option.get("choices")
    if choices:
        text += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    return _cell(_MARKUP.sub(r"`\1`", text))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def render(role: Role) -> str:
    """The role's README with a table that is up to date."""
    path = role.path / "README.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if len(_BLOCK.findall(text)) != 1:
        raise HoabanError(
            f"the README of role {role.name} has no place for its variables",
            where=Location(file=str(path)),
            mend=f"put these two lines where the table belongs: {BEGIN} and {END}",
        )
    block = f"{BEGIN}\n{table(role)}\n{END}"
    return _BLOCK.sub(lambda _: block, text)


def main(arguments: list[str] | None = None) -> int:
    """Write the tables; with ``--check`` write nothing, and exit with 1 when one is behind."""
    parser = argparse.ArgumentParser(prog="python -m hoaban.docsgen")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is behind")
    check = parser.parse_args(arguments).check
    behind = []
    for role in find_roles(ROOT):
        path, text = role.path / "README.md", render(role)
        if text != path.read_text(encoding="utf-8"):
            behind.append(path.relative_to(ROOT))
            if not check:
                write_atomic(path, text)
    for path in behind:
        stdout().print(f"{'behind' if check else 'written'}: {path}")
    return 1 if check and behind else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HoabanError as error:
        print_error(error)
        sys.exit(int(error.exit_code))
