"""A stand-in for the ``pulumi`` command: says and does what a scenario tells it.

It speaks what the Automation API of the installed SDK expects of the command: ``version``, events
over gRPC (``--event-log tcp://…``) or into a file, ``stack select``, ``stack output`` and ``stack
history``. What it was asked, and with which variables, it appends to ``asked.jsonl`` beside its
scenario.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

FOLDER = Path(os.environ["FAKE_PULUMI"])
NOTED = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "EXTRA")
HISTORY = {
    "kind": "update",
    "startTime": "2026-01-01T00:00:00.000Z",
    "message": "",
    "environment": {},
    "config": {},
    "result": "succeeded",
}


def note(arguments: list[str]) -> None:
    config = ""
    if "--config-file" in arguments:
        file = Path(arguments[arguments.index("--config-file") + 1])
        config = file.read_text(encoding="utf-8")
        assert file.stat().st_mode & 0o077 == 0
    variables = {key: os.environ[key] for key in NOTED if key in os.environ}
    body = {"arguments": arguments, "variables": variables, "config": config}
    if "--file" in arguments:
        body["file"] = json.loads(Path(arguments[arguments.index("--file") + 1]).read_text())
    with (FOLDER / "asked.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(body) + "\n")


def send(target: str, events: list[dict[str, object]]) -> None:
    import grpc  # noqa: PLC0415
    from pulumi.runtime.proto import events_pb2, events_pb2_grpc  # noqa: PLC0415

    if not target.startswith("tcp://"):
        lines = [json.dumps({"sequence": n, "timestamp": 0, **one}) for n, one in enumerate(events)]
        Path(target).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return
    messages = [
        events_pb2.EventRequest(event=json.dumps({"sequence": n, "timestamp": 0, **event}))
        for n, event in enumerate(events)
    ]
    with grpc.insecure_channel(target.removeprefix("tcp://")) as channel:
        events_pb2_grpc.EventsStub(channel).StreamEvents(iter(messages))


def main() -> None:
    arguments = [one for one in sys.argv[1:] if one != "--non-interactive"]
    if arguments == ["version"]:
        print("v3.272.0")
        return
    note(arguments)
    if arguments[:2] == ["stack", "output"]:
        print("{}")
        return
    if arguments[:2] == ["stack", "history"]:
        print(json.dumps([HISTORY]))
        return
    if arguments[0] == "stack":
        return
    scenario = json.loads((FOLDER / "scenario.json").read_text(encoding="utf-8"))
    if scenario.get("waits"):
        stopped = threading.Event()
        signal.signal(signal.SIGINT, lambda *_: stopped.set())
        (FOLDER / "running").touch()
        stopped.wait(60)
    if "checkpoint" in scenario:
        Path(scenario["checkpoint"]["file"]).write_text(scenario["checkpoint"]["text"])
    send(arguments[arguments.index("--event-log") + 1], scenario.get("events", []))
    if "--out" in arguments:
        Path(arguments[arguments.index("--out") + 1]).write_text(scenario.get("program", ""))
    sys.stderr.write(scenario.get("stderr", ""))
    raise SystemExit(scenario.get("code", 0))


main()
