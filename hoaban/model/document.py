"""Read YAML so that every value can be traced to its line.

libyaml composes the nodes, which is some ten times faster than a round-trip parser and keeps the
marks; the nodes are converted here, by the core schema of YAML 1.2 (section 10.3.2): ``no`` and
``on`` are texts, only ``true`` and ``false`` are booleans.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from hoaban.errors import HoabanError, Location
from hoaban.model.problems import raise_all

if TYPE_CHECKING:
    from pathlib import Path

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: the same, slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

KeyPath = tuple[str | int, ...]
"""Keys of mappings and indexes of sequences, from the root of a file down to a value."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def dotted(path: KeyPath) -> str:
    """A key path as people write it: ``systems[0].tiers.web.size``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file that was read: plain data, and the place of each of its parts."""

    name: str
    """The file as errors name it: relative to the checkout."""
    data: dict[str, Any]
    root: yaml.nodes.MappingNode

    def line(self, path: KeyPath) -> int:
        """Line (from 1) of the value at a path, or of the deepest part of the path that is there.

        For a key of a mapping it is the line of the key.
        """
        return self._walk(path)[1]

    def known(self, path: KeyPath) -> KeyPath:
        """The longest beginning of a path that the file has."""
        return path[: self._walk(path)[0]]

    def _walk(self, path: KeyPath) -> tuple[int, int]:
        """How many steps of a path exist, and the line of the last of them."""
        node: yaml.nodes.Node = self.root
        line: int = self.root.start_mark.line
        for depth, part in enumerate(path):
            if isinstance(node, yaml.nodes.MappingNode):
                found = next((pair for pair in node.value if pair[0].value == part), None)
                if found is None:
                    return depth, line + 1
                line, node = found[0].start_mark.line, found[1]
            elif (
                isinstance(node, yaml.nodes.SequenceNode)
                and isinstance(part, int)
                and part < len(node.value)
            ):
                node = node.value[part]
                line = node.start_mark.line
            else:
                return depth, line + 1
        return len(path), line + 1

    def at(self, *path: str | int) -> Location:
        """The location of a value."""
        return Location(file=self.name, line=self.line(path), key=dotted(path) or None)


def read_document(path: Path, name: str) -> Document:
    """Read a file whose top level is a mapping.

    Raises a :class:`HoabanError` (several together as ``ManyErrors``) that tells file and line for:
    a file that can't be read, is not UTF-8, is empty, is not YAML, is not a mapping, has a key
    twice, or uses what inventory files do without (anchors, tags, keys that are not texts).
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise HoabanError(
            f"the file can't be read: {error.strerror}",
            where=Location(file=name),
            mend="make it a file that you may read",
        ) from error
    return parse_document(raw, name)


def place(file: Path, *path: str | int, name: str | None = None) -> Location:
    """Where a value stands in an inventory file, for errors that are found long after reading it.

    Without the line when the file can't be read any more. ``name`` is what the error calls the
    file; its folder and name unless told.
    """
    name = name or f"{file.parent.name}/{file.name}"
    try:
        return read_document(file, name).at(*path)
    except HoabanError:
        return Location(file=name, key=dotted(path))


def parse_document(raw: bytes, name: str) -> Document:
    """Parse the bytes of a file; see :func:`read_document`."""
    text = _decode(raw, name)
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, name) from error
    if node is None or (isinstance(node, yaml.nodes.ScalarNode) and node.value in _NULL):
        raise HoabanError(
            "the file is empty",
            where=Location(file=name, line=1),
            mend="fill it in (hoaban new writes a scaffold), or delete it",
        )
    if not isinstance(node, yaml.nodes.MappingNode):
        kind = "list" if isinstance(node, yaml.nodes.SequenceNode) else "single value"
        raise HoabanError(
            f"the file must hold keys with values, but it is a {kind}",
            where=Location(file=name, line=node.start_mark.line + 1),
            mend="write it as `key: value` lines; hoaban schema tells the keys",
        )
    converter = _Converter(name)
    data = converter.convert(node, ())
    raise_all(converter.errors)
    return Document(name, data, node)


def _decode(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise HoabanError(
            f"byte 0x{raw[error.start]:02x} is not UTF-8 text",
            where=Location(file=name, line=raw.count(b"\n", 0, error.start) + 1),
            mend=f"save the file as UTF-8 (from Windows: iconv -f CP1258 -t UTF-8 {name})",
        ) from error


def _syntax_error(error: yaml.YAMLError, text: str, name: str) -> HoabanError:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return HoabanError(
            f"character U+{ord(text[error.position]):04X} is not allowed in YAML",
            where=Location(file=name, line=line),
            mend="delete the character",
        )
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark else 1
    problem = getattr(error, "problem", None) or str(error)
    lines = text.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())] or "'\\t'" in problem:
        return HoabanError(
            "a tab is used as indentation, which YAML does not allow",
            where=Location(file=name, line=line),
            mend="indent with spaces",
        )
    if "single document" in problem or "but found another document" in problem:
        return HoabanError(
            "the file holds several YAML documents",
            where=Location(file=name, line=line),
            mend="keep one document a file: remove the second `---`",
        )
    context = getattr(error, "context", None)
    return HoabanError(
        f"not valid YAML: {f'{context}, ' if context else ''}{problem}",
        where=Location(file=name, line=line),
        mend="look at this line and the one above it: indentation, a colon, an open quote",
        detail=shown.strip() or None,
    )


class _Converter:
    """Turns composed nodes into plain data and notes all that inventory files must not have."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.errors: list[HoabanError] = []
        self._seen: set[int] = set()

    def convert(self, node: yaml.nodes.Node, path: KeyPath) -> Any:
        if id(node) in self._seen:
            # A node met twice is an alias. Refusing them also refuses documents that contain
            # themselves or that unfold without end.
            self._note(
                node,
                path,
                "an anchor (&) is referred to by an alias (*)",
                "write the values out at each place, so that a reader sees them",
            )
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.nodes.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.nodes.SequenceNode):
            return [self.convert(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path) if isinstance(node, yaml.nodes.ScalarNode) else None

    def _mapping(self, node: yaml.nodes.MappingNode, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                self._note(key_node, path, "a key must be a single word", "use a text as the key")
                continue
            here = (*path, key)
            if key in data:
                self._note(
                    key_node,
                    here,
                    f"the key `{key}` is there twice, first at line {lines[key]}",
                    "keep one of the two",
                )
                continue
            lines[key] = key_node.start_mark.line + 1
            data[key] = self.convert(value_node, here)
        return data

    def _scalar(self, node: yaml.nodes.ScalarNode, path: KeyPath) -> Any:
        text: str = node.value
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.endswith("binary"):
            self._note(node, path, f"the tag {node.tag} is not used here", "remove the tag")
            return None
        if node.style:  # quoted or block; a plain scalar has none ("" from libyaml)
            return text
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _INT.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text

    def _note(self, node: yaml.nodes.Node, path: KeyPath, what: str, mend: str) -> None:
        where = Location(file=self.name, line=node.start_mark.line + 1, key=dotted(path) or None)
        self.errors.append(HoabanError(what, where=where, mend=mend))
