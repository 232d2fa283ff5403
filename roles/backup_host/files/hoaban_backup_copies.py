"""Second copies: what is new of every client's repository goes to places elsewhere.

A place is another backup host, or object storage. Its own copies have a password of their own,
made here and sealed to the province's recipients; another backup host adds its own key, with which
it prunes and checks. There this host can read and add, and take nothing away: whoever takes it
over destroys what is here, and nothing there.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import ssl
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hoaban_backup_store import (
    LOCK_PATIENCE,
    STATE,
    Fault,
    now,
    read_json,
    run_restic,
    stamp,
    write_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hoaban_backup_store import Repository, Snapshot

FOLDER = STATE / "copies"
NO_REPOSITORY, WRONG_PASSWORD = 10, 12
"""Exit statuses of restic."""
ANSWER_SECONDS = 20
PORTS = {"rest": 8000, "s3": 443}

State = dict[str, Any]


class Place:
    """Where copies go: a folder of repositories, as systemd has handed its secrets over.

    ``settings``: ``name``, ``repository`` (restic's URL of the folder), ``hours`` (how old a copy
    may be) and ``keep`` (what the place keeps).
    """

    def __init__(self, settings: dict[str, Any], handed: Path) -> None:
        self.name = str(settings["name"])
        self.url = str(settings["repository"]).rstrip("/")
        self.hours = int(settings["hours"])
        self.keep: dict[str, int] = settings["keep"]
        self.password = handed / f"copies_{self.name}_password"
        self.key = handed / f"copies_{self.name}_key"
        self.environment: dict[str, str] = {}
        lines = (handed / f"account_{self.name}").read_text(encoding="utf-8").splitlines()
        for line in lines:
            name, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                self.environment[name.strip()] = value.strip()
        certificate = handed / f"copies_{self.name}_server.crt"
        self.certificate = certificate if certificate.is_file() else None
        if self.certificate:
            self.environment["RESTIC_CACERT"] = str(certificate)

    def state_file(self, client: str) -> Path:
        """What is known of a client's copy here."""
        return FOLDER / self.name / f"{client}.json"

    def restic(self, client: str, *arguments: str, **more: str) -> str:
        """Output of restic on a client's copy."""
        own = {
            "RESTIC_REPOSITORY": f"{self.url}/{client}/",
            "RESTIC_PASSWORD_FILE": str(self.password),
        }
        return run_restic({**self.environment, **own, **more}, *arguments)

    def answers(self) -> None:
        """Raise when nobody answers: restic itself would go on trying for a quarter of an hour."""
        kind, _, address = self.url.partition(":")
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or PORTS[kind]
        try:
            context = ssl.create_default_context(
                cafile=str(self.certificate) if self.certificate else None
            )
            with (
                socket.create_connection((host, port), timeout=ANSWER_SECONDS) as line,
                context.wrap_socket(line, server_hostname=host),
            ):
                pass
        except OSError as error:
            raise Fault(f"{host}:{port}: {error}") from error

    def listed(self, client: str) -> list[Snapshot]:
        """The snapshots of a client's copy."""
        found: list[Snapshot] = json.loads(
            self.restic(client, "snapshots", "--json", "--no-lock") or "[]"
        )
        return found

    def entered(self, client: str) -> list[Snapshot]:
        """The snapshots of a client's copy, whoever made it.

        A backup host that was built anew has another password than its copies: the key of the
        place lets it in.
        """
        try:
            return self.listed(client)
        except Fault as fault:
            if fault.status != WRONG_PASSWORD or not self.key.is_file():
                raise
        self.add_key(client, self.password, opened_by=self.key)
        return self.listed(client)

    def opened(self, source: Repository) -> list[Snapshot]:
        """The snapshots of a client's copy, which is made when there is none."""
        try:
            return self.entered(source.name)
        except Fault as fault:
            if fault.status != NO_REPOSITORY:
                raise
        given = from_source(source)
        self.restic(source.name, "init", "--quiet", "--copy-chunker-params", **given)
        if self.key.is_file():
            self.add_key(source.name, self.key, opened_by=self.password)
        return self.listed(source.name)

    def add_key(self, client: str, key: Path, opened_by: Path) -> None:
        """Let another password open a copy, too."""
        opening = {"RESTIC_PASSWORD_FILE": str(opened_by)}
        self.restic(client, "key", "add", "--quiet", f"--new-password-file={key}", **opening)

    def admit_keeper(self, client: str, known: str | None) -> str | None:
        """Let the other backup host in; the mark of its key, which is noted once it is there.

        ``known`` is the mark that was noted before. The key may be there without it, when a run
        was killed between the two.
        """
        if not self.key.is_file():
            return None
        mark = hashlib.sha256(self.key.read_bytes()).hexdigest()[:16]
        if known != mark:
            try:
                opening = {"RESTIC_PASSWORD_FILE": str(self.key)}
                self.restic(client, "cat", "config", "--no-lock", "--quiet", **opening)
            except Fault as fault:
                if fault.status != WRONG_PASSWORD:
                    raise
                self.add_key(client, self.key, opened_by=self.password)
        return mark


def from_source(source: Repository) -> dict[str, str]:
    """A repository of this host as the one that restic copies from."""
    return {
        "RESTIC_FROM_REPOSITORY": str(source.path),
        "RESTIC_FROM_PASSWORD_FILE": str(source.key),
    }


def origin(snapshot: Snapshot) -> str:
    """What a snapshot was first called: a copy has another name, and tells that one."""
    return str(snapshot.get("original") or snapshot["id"])


def missing(snapshots: Iterable[Snapshot], there: Iterable[Snapshot]) -> list[str]:
    """Names of the snapshots that are not there, by whatever name."""
    known = {name for one in there for name in (one["id"], origin(one))}
    return [one["id"] for one in snapshots if not {one["id"], origin(one)} & known]


def moment_of(text: str) -> datetime:
    """A moment from RFC 3339; restic writes nine digits of a second, Python reads six."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def copy_one(source: Repository, client: dict[str, Any], place: Place) -> State:
    """Copy what is new of one client; the new state of its copy. A fault is part of the state."""
    started = now()
    before = read_json(place.state_file(source.name))
    state: State = {"copied": None, "keeper": None, "since": stamp(started)} | before
    state |= {"schema": 1, "client": source.name, "place": place.name, "error": None, "added": 0}
    try:
        there = place.opened(source)
        state["keeper"] = place.admit_keeper(source.name, state["keeper"])
        # The place would only forget the others, and get them again each time.
        new = missing(source.by_claim(place.keep, "keep"), there)
        if new:
            patience = f"--retry-lock={LOCK_PATIENCE}"
            place.restic(source.name, "copy", "--quiet", patience, *new, **from_source(source))
            there = place.listed(source.name)
        # What came in since is not in it: the copy is as old as the question what there is.
        state |= {"copied": stamp(started), "added": len(new), "snapshots": len(there)}
        newest = max((moment_of(one["time"]) for one in there), default=None)
        state["newest"] = stamp(newest) if newest else None
    except (Fault, OSError, ValueError, KeyError) as fault:
        state["error"] = str(fault)
    ended = now()
    state["hours"] = max(place.hours, int(client.get("rpo_hours", 0)))
    age = ended - datetime.fromisoformat(state["copied"] or state["since"])
    state["late"] = age > timedelta(hours=state["hours"])
    return state | {"ended": stamp(ended), "outcome": "failed" if state["error"] else "done"}


def copy_to(
    place: Place,
    kept: list[tuple[Repository, dict[str, Any]]],
) -> State:
    """Copy every client to one place; what came of it."""
    failed, late = [], []
    try:
        place.answers()
        fault = None
    except Fault as error:
        fault = str(error)
        sys.stderr.write(f"<3>{place.name}: {fault}\n")  # the journal's priority: err
    for source, client in kept if fault is None else []:
        state = copy_one(source, client, place)
        write_json(place.state_file(source.name), state)
        if state["error"]:
            failed.append(source.name)
            sys.stderr.write(f"<3>{source.name} to {place.name}: {state['error']}\n")
        if state["late"]:
            late.append(source.name)
            since = state["copied"] or "never"
            sys.stderr.write(f"<3>{source.name}: the last whole copy at {place.name}: {since}\n")
    outcome = "failed" if fault or failed or late else "done"
    told: State = {"schema": 1, "place": place.name, "ended": stamp(now()), "outcome": outcome}
    return told | {"error": fault, "failed": failed, "late": late, "clients": len(kept)}


def copy_all(
    kept: list[tuple[Repository, dict[str, Any]]],
    places: list[Place],
) -> int:
    """Copy every client to every place; 1 when anything is not as it must be."""
    outcomes = []
    for place in places:
        told = copy_to(place, kept)
        write_json(FOLDER / f"{place.name}.json", told)
        outcomes.append(told["outcome"])
    return 1 if "failed" in outcomes else 0


def fetch(sources: list[Repository], places: list[Place]) -> int:
    """Bring what a client's copies have and its repository here has not back into it."""
    if not sources:
        sys.stderr.write("<3>the client has no repository here; converging it makes one\n")
        return 1
    source, failed = sources[0], not places
    for place in places:
        try:
            place.answers()
            new = missing(place.entered(source.name), source.snapshots())
            if new:
                given = {
                    **place.environment,
                    "RESTIC_FROM_REPOSITORY": f"{place.url}/{source.name}/",
                    "RESTIC_FROM_PASSWORD_FILE": str(place.password),
                }
                patience = f"--retry-lock={LOCK_PATIENCE}"
                run_restic({**given, **source.environment}, "copy", "--quiet", patience, *new)
            sys.stdout.write(f"{source.name}: {len(new)} snapshots came from {place.name}\n")
        except (Fault, OSError) as fault:
            failed = True
            sys.stderr.write(f"<3>{source.name} from {place.name}: {fault}\n")
    return 1 if failed else 0


def known_of(client: str, places: Iterable[dict[str, Any]]) -> dict[str, State]:
    """What was last found of a client's copies, by place."""
    return {one["name"]: read_json(FOLDER / one["name"] / f"{client}.json") for one in places}
