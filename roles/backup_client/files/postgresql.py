#!/usr/bin/python3
"""Dumps every database of this host's PostgreSQL, so that a backup holds consistent copies.

Nothing happens where there is no PostgreSQL. A dump and the count of its rows come from the same
exported snapshot of the database, so a restore can be held against the counts exactly.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO
from urllib.parse import quote

FOLDER = Path(os.environ.get("HOABAN_DUMP_FOLDER", "/var/lib/hoaban-backup/dumps")) / "postgresql"
DATABASES = "select datname from pg_database where datallowconn and not datistemplate order by 1"
SIZE = "select coalesce(sum(pg_database_size(datname)), 0) from pg_database where datallowconn"
COUNTS = """
select coalesce(json_object_agg(name, rows), '{}') from (
  select format('%I.%I', schemaname, tablename) as name,
    (xpath('/row/c/text()', query_to_xml(
      format('select count(*) as c from %I.%I', schemaname, tablename), false, true, '')))[1]
      ::text::bigint as rows
  from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1) as t;
"""


class Fault(Exception):
    """A database that could not be dumped."""


def as_postgres(*command: str) -> list[str]:
    """The command, run by the owner of the databases."""
    return ["runuser", "-u", "postgres", "--", *command]


def named(database: str) -> str:
    """A database for a connection; its name alone could be read as settings, such as a host."""
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def clusters() -> list[tuple[str, str, str, str]]:
    """Version, name, port and state of each cluster, by Debian's own list."""
    if shutil.which("pg_lsclusters") is None:
        return []
    listing = subprocess.run(
        ["pg_lsclusters", "--no-header"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in listing.splitlines()]
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def query(port: str, database: str, statement: str) -> str:
    """The answer to one query, without any decoration."""
    done = subprocess.run(
        as_postgres("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-p", port, "-d", named(database)),
        input=statement,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if done.returncode != 0:
        raise Fault(f"{database}: {done.stderr.strip()}")
    return done.stdout.strip()


def dump(port: str, database: str, file: Path) -> dict[str, int]:
    """Dump a database; rows of each table, of the same moment."""
    session = subprocess.Popen(
        as_postgres("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-p", port, "-d", named(database)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    with session:
        give, take = session.stdin, session.stdout
        if give is None or take is None:
            raise Fault("psql has no standard input or output")
        say(give, "begin isolation level repeatable read read only; select pg_export_snapshot();")
        exported = take.readline().strip()
        if not exported:
            raise Fault(f"{database}: no consistent moment could be fixed")
        command = ["pg_dump", "--format=custom", "--compress=0", "--port", port]
        with file.open("wb") as stream:
            done = subprocess.run(
                as_postgres(*command, f"--snapshot={exported}", f"--dbname={named(database)}"),
                stdout=stream,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                cwd="/",
            )
        if done.returncode != 0:
            session.kill()
            raise Fault(f"{database}: {done.stderr.strip()}")
        say(give, " ".join(COUNTS.split()))
        counted = take.readline()
        give.close()
    if not counted:
        raise Fault(f"{database}: its rows could not be counted")
    rows: dict[str, int] = json.loads(counted)
    return rows


def say(stream: IO[str], statement: str) -> None:
    """Give a session a statement."""
    stream.write(statement + "\n")
    stream.flush()


def dump_cluster(version: str, name: str, port: str) -> int:
    """Dump all of a cluster into its folder; how many databases that were."""
    if query(port, "postgres", "select pg_is_in_recovery()") == "t":
        sys.stdout.write(f"{version}/{name} is a standby: its primary is dumped\n")
        return 0
    needed = int(query(port, "postgres", SIZE))
    free = shutil.disk_usage(FOLDER).free
    if free < needed:
        raise Fault(
            f"{version}/{name}: its dump may take {needed // 2**20} MiB, {FOLDER} has "
            f"{free // 2**20}; give backup_client_dump_folder a volume with more room"
        )
    folder = FOLDER / f"{version}-{name}"
    folder.mkdir(mode=0o700)
    with (folder / "globals.sql").open("w") as stream:
        subprocess.run(
            as_postgres("pg_dumpall", "--globals-only", "--port", port),
            stdout=stream,
            check=True,
            cwd="/",
        )
    counts = {}
    for database in query(port, "postgres", DATABASES).splitlines():
        counts[database] = dump(port, database, folder / f"{quote(database, safe=' ')}.dump")
    (folder / "counts.json").write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
    return len(counts)


def main() -> int:
    """Dump all clusters anew; 1 when one can't be."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    faults = []
    for version, name, port, state in clusters():
        FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
        FOLDER.parent.chmod(0o700)
        try:
            if not state.startswith("online"):
                raise Fault(f"{version}/{name} is {state}, so it can't be dumped")  # noqa: TRY301
            count = dump_cluster(version, name, port)
            sys.stdout.write(f"{version}/{name}: {count} databases\n")
        except (Fault, OSError, ValueError, subprocess.CalledProcessError) as fault:
            faults.append(str(fault))
    sys.stderr.write("".join(f"{fault}\n" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
