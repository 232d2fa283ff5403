"""Hand an office's router its configuration: made, given away, and only then taken down."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoaban.files import write_atomic
from hoaban.sealing import seal
from hoaban.vpn import keys
from hoaban.vpn import office as offices
from hoaban.vpn.names import key_file
from hoaban.vpn.office import KEPT_KEY, KeyPair
from hoaban.vpn.render import render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hoaban.model import Province
    from hoaban.vpn.office import Office
    from hoaban.vpn.render import File, Format


@dataclass(frozen=True, slots=True)
class Handout:
    """What an office is given."""

    office: Office
    files: list[File]
    public_key: str
    new_key: bool
    """Whether the private key is in it."""

    def sealed(self, recipients: Sequence[str], folder: Path) -> list[Path]:
        """Write the files, readable by the recipients alone."""
        paths = []
        for file in self.files:
            path = folder / f"{file.name}.age"
            write_atomic(path, seal(file.text.encode(), recipients))
            paths.append(path)
        return paths


@contextmanager
def prepare(
    province: Province,
    name: str,
    kind: Format,
    home: Path,
    endpoints: Mapping[str, str],
    *,
    new_key: bool = False,
) -> Iterator[Handout]:
    """An office's configuration; its public key counts from when the block has ended well.

    A key that nobody was given is forgotten: the next time another one is made.
    """
    plan, _ = offices.find(province.foundation().vpn, name)
    known = offices.known_key(home, name)
    pair = KeyPair.make() if known is None or new_key else None
    private = pair.private if pair else KEPT_KEY
    public = pair.public if pair else str(known)
    pins = keys.read(key_file(home))
    made = offices.office(plan, name, province.links, pins, home, endpoints, private)
    yield Handout(made, render(made, kind), public, pair is not None)
    offices.note(home, name, public, speaks_bgp=kind.speaks_bgp)
