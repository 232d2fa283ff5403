"""Leases: which process may work on a stack, by generation, with proof of life.

Each operation claims the next generation: a blob ``leases/<project>/<stack>/<generation>.json``
that is created only if nobody else has. Its holder renews it every few seconds. Whoever finds the
newest claim neither released nor renewed claims the next, and the holder before finds that out at
its next renewal. Old claims are removed, the newest stays, so that generations only grow.

Clocks of two machines are never compared to take a lease over: the taker watches the claim for a
whole lease by its own clock. A clock only says when watching is of no use, because the claim was
renewed just now.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import psutil

from hoaban.engine.embedded.state import timestamp

if TYPE_CHECKING:
    from hoaban.engine.storage import Storage

LEASE_SECONDS: Final = 30.0
RENEWALS: Final = 3
"""How many renewals fit into a lease; the holder trusts it for all but the last of them."""
_LONGEST: Final = 600.0
_CLOCK_STEP: Final = 60.0
"""Seconds by which a clock may have been set between a lock and a look at it."""
_OFFICIAL: Final = "pulumi"


def now() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def namespace() -> str:
    """Within which a process id means one process: this boot, this PID namespace.

    The host name tells too little: cloned machines and containers share it.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # hidden in some containers: then only the lease tells
        return f"unknown {uuid.uuid4()}"


class Life(Enum):
    """What is known of a holder."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, as its blob says. ``lease`` 0 is a lock without one, of another engine.

    ``timestamp`` and ``renewed`` are times by the holder's clock, ``started`` when its process
    began (clock ticks since the machine's start), ``beat`` counts renewals; ``key`` and ``where``
    are the blob it was read from.
    """

    pid: int = 0
    username: str = "unknown"
    hostname: str = "unknown"
    timestamp: str = "unknown"
    generation: int = 0
    token: str = ""
    namespace: str = ""
    started: int = 0
    lease: float = 0.0
    beat: int = 0
    renewed: str = ""
    released: bool = False
    key: str = field(default="", compare=False)
    where: str = field(default="", compare=False)

    @classmethod
    def me(cls, generation: int) -> Self:
        """This process, as holder of a new generation."""
        moment = timestamp()
        return cls(
            pid=os.getpid(),
            username=getpass.getuser(),
            hostname=socket.gethostname(),
            timestamp=moment,
            generation=generation,
            token=str(uuid.uuid4()),
            namespace=namespace(),
            started=_ticks(os.getpid()) or 0,
            lease=LEASE_SECONDS,
            renewed=moment,
        )

    @classmethod
    def read(cls, storage: Storage, key: str) -> Self | None:
        """The holder named in a blob; unreadable parts stay empty, None when there is no blob."""
        content = storage.read(key)
        if content is None:
            return None
        body: object = None
        with suppress(ValueError):
            body = json.loads(content)
        holder = cls(key=key, where=storage.where(key))
        for name, value in (body if isinstance(body, dict) else {}).items():
            known = getattr(holder, name, None)
            with suppress(TypeError, ValueError, OverflowError):
                if known is not None and name not in ("key", "where"):
                    holder = replace(holder, **{name: type(known)(value)})
        return holder

    def written(self) -> bytes:
        """The blob. The official engine reads the first four keys."""
        body = asdict(self)
        del body["key"], body["where"]
        return json.dumps(body, separators=(",", ":")).encode()

    def renew(self) -> Self:
        """The same holder, a renewal later."""
        return replace(self, beat=self.beat + 1, renewed=timestamp())

    @property
    def process(self) -> Life:
        """Whether its process is there; unknown where process ids are not this machine's.

        A process id that another process has by now is told by when that began.
        """
        if not self.lease:
            return self._official()
        if self.namespace != namespace():
            return Life.UNKNOWN
        try:
            return Life.ALIVE if _ticks(self.pid) == self.started else Life.DEAD
        except PermissionError:
            return Life.UNKNOWN

    def _official(self) -> Life:
        """The same of a lock of the official engine, which only names its host."""
        if self.hostname != socket.gethostname() or not self.pid:
            return Life.UNKNOWN
        try:
            process = psutil.Process(self.pid)
            name, began = process.name(), process.create_time()
            zombie = process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return Life.DEAD
        except (psutil.Error, ValueError, OverflowError):
            return Life.UNKNOWN
        since = _seconds(self.timestamp)
        later = since is not None and began > since + _CLOCK_STEP
        another = later and not name.startswith(_OFFICIAL)
        return Life.DEAD if zombie or another else Life.ALIVE

    @property
    def dead(self) -> bool:
        """Whether it was a process of this machine that is no more."""
        return self.process is Life.DEAD

    @property
    def fresh(self) -> bool:
        """Whether it was renewed within its lease, if both clocks are right."""
        renewed = _seconds(self.renewed)
        return renewed is not None and 0 <= time.time() - renewed < self.span

    @property
    def span(self) -> float:
        """How long its lease is, in seconds."""
        return self.lease if 0 < self.lease <= _LONGEST else _LONGEST

    def __str__(self) -> str:
        return f"{self.username} on {self.hostname}, process {self.pid}, since {self.timestamp}"


def _ticks(pid: int) -> int | None:
    """When a process began, by a clock that nobody sets; None when it runs no more.

    proc(5), ``starttime``; psutil gives it by the wall clock alone. Raises
    :class:`PermissionError` when it may not be seen.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        with suppress(ProcessLookupError, OverflowError):
            if pid > 0:
                os.kill(pid, 0)
            raise PermissionError(pid) from None
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(rest[18])


def _seconds(moment: str) -> float | None:
    """Seconds since 1970 of a time as the engines write it, with nanoseconds."""
    with suppress(ValueError):
        whole, _, rest = moment.removesuffix("Z").partition(".")
        found = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
        return found + (float(f"0.{rest}") if rest.isdigit() else 0)
    return None


class Claims:
    """The claims of one stack."""

    def __init__(self, storage: Storage, prefix: str) -> None:
        self.storage = storage
        self.prefix = prefix

    def key(self, generation: int) -> str:
        """The blob of a generation's claim. Keys sort as generations do."""
        return f"{self.prefix}{generation:012}.json"

    def generations(self) -> list[int]:
        """All that there are, the newest last."""
        names = [one.key.removeprefix(self.prefix) for one in self.storage.list(self.prefix)]
        return sorted(int(one[:-5]) for one in names if one[:-5].isdigit() and one[-5:] == ".json")

    def newest(self) -> Holder | None:
        """Who claimed last; None when nobody ever did."""
        for generation in reversed(self.generations()):
            found = Holder.read(self.storage, self.key(generation))
            if found is not None:
                # An unreadable claim still is one, of its generation.
                return replace(found, generation=generation, lease=found.lease or LEASE_SECONDS)
        return None

    def claim(self, holder: Holder) -> bool:
        """Claim a generation; False when somebody else has."""
        return self.storage.create(self.key(holder.generation), holder.written())

    def forget_before(self, generation: int) -> None:
        """Remove the claims before one."""
        for old in self.generations():
            if old < generation:
                self.storage.delete(self.key(old))

    def watch(self, holder: Holder) -> Life:
        """Watch a claim for a whole lease by this machine's clock, or until it is renewed."""
        until = now() + holder.span
        while (left := until - now()) > 0:
            time.sleep(min(left, max(holder.span / RENEWALS / 2, 0.05)))
            found = Holder.read(self.storage, holder.key)
            if found != holder:
                return Life.ALIVE if found is not None and not found.released else Life.UNKNOWN
        return Life.DEAD
