"""Compares what was restored with what the host had when it was backed up.

Asked: ``root``, the folder that a snapshot was restored below; ``paths`` of the snapshot, one of
which holds ``manifest.jsonl`` (the hook 90-manifest of the role backup_client) and ``postgresql``
(50-postgresql).

Events: ``{"event": "progress", "files": …, "bytes": …}`` now and then; ``{"event": "files",
"manifest": path or null, "files": …, "bytes": …, "changed": …, "unknown": …, "differences": …,
"examples": [[path, what], …]}``; for each database ``{"event": "database", "name": …, "tables": …,
"rows": …, "problem": words or null, "untried": words or null}`` (there was nowhere to restore it
into); ``{"event": "end", "status": 0}``.

``changed`` are files that were written between the manifest and the backup: the restored one is
newer or older than the one that the manifest tells of, so nothing is proved of it. ``unknown`` were
restored, and the manifest has nothing of them.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 20
MOST_EXAMPLES = 20
PAUSE = 5.0
MANIFEST = "manifest.jsonl"
POSTGRESQL = "/usr/lib/postgresql"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def tell(**event: Any) -> None:
    """Write an event."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def digest(path: str) -> str:
    """SHA-256 of a file's content."""
    total = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(CHUNK):
            total.update(block)
    return total.hexdigest()


class Comparison:
    """Counts of what was compared."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self.files = self.bytes = self.changed = self.differences = 0
        self.examples: list[list[str]] = []
        self.seen: set[str] = set()
        self.told = time.monotonic()

    def differs(self, path: str, what: str) -> None:
        """Note a difference."""
        self.differences += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append([path, what])

    def take(self, entry: dict[str, Any]) -> None:
        """Compare one file of the manifest."""
        path = entry["path"]
        self.seen.add(path)
        try:
            status = os.lstat(self.root + path)
        except FileNotFoundError:
            self.differs(path, "is missing")
            return
        if not stat.S_ISREG(status.st_mode):
            self.differs(path, "is no file any more")
            return
        same = status.st_size == entry["size"] and digest(self.root + path) == entry["sha256"]
        if same:
            self.files += 1
            self.bytes += status.st_size
        elif status.st_mtime_ns != entry["mtime_ns"]:
            self.changed += 1
        else:
            self.differs(path, "has another content")
        if time.monotonic() - self.told > PAUSE:
            self.told = time.monotonic()
            tell(event="progress", files=self.files, bytes=self.bytes)

    def unknown(self, paths: list[str], manifest: str) -> int:
        """How many restored files the manifest does not tell of."""
        found = set(self.restored(paths)) - {manifest.removeprefix(self.root)}
        return len(found - self.seen)

    def restored(self, paths: list[str]) -> Iterator[str]:
        """Paths of all restored files, as they were on the host."""
        for path in paths:
            top = self.root + path
            if os.path.isfile(top) and not os.path.islink(top):  # noqa: PTH113, PTH114
                yield path
            for folder, _, names in os.walk(top):
                for name in names:
                    whole = os.path.join(folder, name)  # noqa: PTH118
                    if stat.S_ISREG(os.lstat(whole).st_mode):
                        yield whole.removeprefix(self.root)


def compare(root: str, paths: list[str]) -> str | None:
    """Compare all files and tell; the folder of dumps, None when the snapshot has no manifest."""
    found = Comparison(root)
    places = (f"{found.root}{path}/{MANIFEST}" for path in paths)
    manifest = next((place for place in places if Path(place).is_file()), None)
    if manifest is None:
        tell(event="files", manifest=None)
        return None
    with Path(manifest).open(encoding="ascii") as lines:
        next(lines)
        for line in lines:
            found.take(json.loads(line))
    tell(
        event="files",
        manifest=manifest.removeprefix(found.root),
        files=found.files,
        bytes=found.bytes,
        changed=found.changed,
        unknown=found.unknown(paths, manifest),
        differences=found.differences,
        examples=found.examples,
    )
    return str(Path(manifest).parent)


class Fault(Exception):
    """Why a database can't be compared."""


class Cluster:
    """A PostgreSQL of its own for the length of the comparison, behind a socket nobody else has."""

    def __init__(self, version: str, folder: Path) -> None:
        self.programs = Path(POSTGRESQL) / version / "bin"
        if not self.programs.is_dir():
            self._install()
        self.folder = folder
        self.data = folder / "data"

    def _install(self) -> None:
        done = subprocess.run(
            ["apt-get", "install", "-qy", "--no-install-recommends", "postgresql"],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            check=False,
        )
        if not self.programs.is_dir():
            words = (done.stderr.strip().splitlines() or ["another version was installed"])[-1]
            raise Fault(f"no PostgreSQL {self.programs.parent.name} to restore it into: {words}")

    def run(self, program: str, *arguments: str, given: Any = subprocess.DEVNULL) -> str:
        """Output of one of PostgreSQL's programs, run by its own account."""
        done = subprocess.run(
            ["runuser", "-u", "postgres", "--", str(self.programs / program), *arguments],
            env={"PATH": PATH, "LC_ALL": "C.UTF-8", "PGHOST": str(self.folder)},
            stdin=given,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        if done.returncode != 0:
            words = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
            raise Fault(f"{program}: {words[-1]}")
        return done.stdout

    def start(self) -> None:
        """Make and start it."""
        shutil.chown(self.folder, "postgres", "postgres")
        self.run("initdb", "-D", str(self.data), "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """End it, however it stands; its data goes in any case."""
        if (self.data / "postmaster.pid").exists():
            with suppress(Fault):
                self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")

    def globals(self, file: Path) -> None:
        """Roles and such; those that every cluster has already are no error."""
        if file.is_file():
            with file.open("rb") as stream:
                self.run("psql", "-qX", "-d", "postgres", given=stream)

    def restore(self, name: str, file: Path) -> None:
        """Restore a dump into a database of that name."""
        if name != "postgres":
            self.run("createdb", "-T", "template0", "--", name)
        with file.open("rb") as stream:
            self.run("pg_restore", "--exit-on-error", "-d", named(name), given=stream)

    def rows(self, database: str, table: str) -> int:
        """The rows of a table, each read whole (so that one that can't be read is found)."""
        query = f"select count(*), coalesce(sum(length(t::text)), 0) from {table} as t"  # noqa: S608
        answer = self.run("psql", "-qAtX", "-d", named(database), "-c", query)
        return int(answer.split("|")[0])


def named(database: str) -> str:
    """A database for a connection; its name alone could be read as settings."""
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def dump_of(folder: Path, name: str) -> Path:
    """The file of a database's dump; odd letters of its name are %XX in that of the file."""
    for file in folder.glob("*.dump"):
        if unquote(file.stem) == name:
            return file
    raise Fault("its dump is not in the snapshot")


def database(cluster: Cluster, folder: Path, name: str, tables: dict[str, int]) -> None:
    """Restore one database, compare the rows of each table, tell."""
    problem, rows = None, 0
    try:
        cluster.restore(name, dump_of(folder, name))
        wrong = []
        for table, expected in tables.items():
            counted = cluster.rows(name, table)
            rows += counted
            if counted != expected:
                wrong.append(f"{table} has {counted} rows, had {expected}")
        problem = "; ".join(wrong[:MOST_EXAMPLES]) or None
    except (Fault, ValueError) as fault:
        problem = str(fault)
    told = {"name": name, "tables": len(tables), "rows": rows, "problem": problem}
    tell(event="database", **told, untried=None)


def databases(dumps: Path) -> None:
    """Restore and compare every database that was dumped."""
    for file in sorted(dumps.glob("postgresql/*/counts.json")):
        folder = file.parent
        version = folder.name.split("-", 1)[0]
        counts: dict[str, dict[str, int]] = json.loads(file.read_text(encoding="utf-8"))
        with tempfile.TemporaryDirectory(prefix="hoaban-drill-", dir="/var/tmp") as place:
            cluster = None
            try:
                cluster = Cluster(version, Path(place))
                cluster.start()
                cluster.globals(folder / "globals.sql")
            except (Fault, OSError, LookupError) as fault:
                for name, tables in counts.items():
                    told = {"name": name, "tables": len(tables), "rows": 0, "problem": None}
                    tell(event="database", **told, untried=str(fault))
            else:
                for name, tables in counts.items():
                    database(cluster, folder, name, tables)
            finally:
                if cluster is not None:
                    cluster.stop()


def main(asked: dict[str, Any]) -> int:
    """Compare as asked."""
    dumps = compare(asked["root"], asked["paths"])
    if dumps is not None and glob.glob(f"{glob.escape(dumps)}/postgresql/*/counts.json"):  # noqa: PTH207
        databases(Path(dumps))
    tell(event="end", status=0)
    return 0
