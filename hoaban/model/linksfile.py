"""Write the file of links: comments and order stay, and it is never half-written."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from hoaban.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEADER = """\
# yaml-language-server: $schema=schema/links.schema.json
# Circuits of the offices, by agency and site: what was contracted (docs/links.md). Mạng, băng thông
# và cam kết chất lượng của từng đường truyền; `circuit` là mã đường truyền của nhà cung cấp.
circuits: {}
"""


def add_circuit(path: Path, site: str, circuit: Mapping[str, Any]) -> None:
    """Give a site that has none its first circuit; one that has some is left as it is."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    root: CommentedMap = yaml.load(path.read_text("utf-8") if path.exists() else HEADER)
    circuits = root.setdefault("circuits", CommentedMap())
    if site in circuits:
        return
    circuits.fa.set_block_style()
    circuits[site] = CommentedSeq([CommentedMap(circuit)])
    buffer = io.StringIO()
    yaml.dump(root, buffer)
    write_atomic(path, buffer.getvalue())
