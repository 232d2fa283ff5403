"""Runs one Pulumi program, in a process of its own: ``python -m hoaban.engine.embedded.runner FD``.

The task comes as one line of JSON on standard input, never in arguments or the environment: it
holds configuration, and that may be secret. What the program came to is written to the descriptor
FD as JSON. Standard input stays open for as long as the engine lives; when it closes, so does this
process, so that no program outlives its engine.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import runpy
import signal
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from hoaban.errors import ExitCode, HoabanError, ManyErrors

# Frames of what runs the program, left out of the program's traceback.
_RUNNING: Final = ("runner.py", "runpy", "asyncio", "importlib", "concurrent", "threading.py")
_GONE: Final = 111
_GARBAGE_THRESHOLD: Final = 200_000
_MAX_MESSAGE: Final = 1 << 28


class QuietEngine:
    """The engine's log service without debug messages.

    The SDK sends a dozen for each resource; they took most of a run's time, and no one reads them.
    """

    def __init__(self, address: str) -> None:
        import grpc  # noqa: PLC0415 (imported with pulumi, while the engine opens the state)
        from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc  # noqa: PLC0415

        self._debug = engine_pb2.DEBUG
        self._stub = engine_pb2_grpc.EngineStub(
            grpc.insecure_channel(
                address, options=[("grpc.max_receive_message_length", _MAX_MESSAGE)]
            )
        )

    def Log(self, request: Any) -> Any:  # noqa: N802 (the service's name for it)
        """Pass on a message for people."""
        return None if request.severity == self._debug else self._stub.Log(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stub, name)


def _run(task: dict[str, Any]) -> None:
    from pulumi.runtime import reset_options, run_in_stack, set_all_config  # noqa: PLC0415

    engine: Any = QuietEngine(task["engine"])
    reset_options(
        project=task["project"],
        stack=task["stack"],
        root_directory=task["root"],
        parallel=task["parallel"],
        engine_address=engine,
        monitor_address=task["monitor"],
        preview=task["preview"],
        organization=task["organization"],
    )
    set_all_config(task["config"], task["secret_keys"])
    main = task["main"]
    sys.path.insert(0, str(Path(main).parent))
    sys.argv = [main]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Each registration waits in a thread of its own for its resource to be made.
    loop.set_default_executor(ThreadPoolExecutor(task["parallel"] * 2))

    def program() -> None:
        runpy.run_path(main, run_name="__main__")

    loop.run_until_complete(run_in_stack(program))


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    folder = str(Path(__file__).parent)
    return [
        one
        for one in frames
        if not one.filename.startswith(folder)
        and not any(part in one.filename for part in _RUNNING)
        and "/pulumi/runtime/" not in one.filename
    ]


def _hoaban_error(error: BaseException | None) -> HoabanError | None:
    """The error for people that a failure came of, if it came of one."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, HoabanError):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def describe(error: BaseException) -> dict[str, Any]:
    """A failure as JSON: an error for people as it is, anything else with the program's own frames.

    Shape: ``{"kind": "hoaban", "code": exit code, "errors": [...]}`` or ``{"kind": "program",
    "message", "traceback", "file", "line"}``.
    """
    told = _hoaban_error(error)
    if told is not None:
        several = told.errors if isinstance(told, ManyErrors) else [told]
        errors = [one.to_json()["error"] for one in several]
        return {"kind": "hoaban", "code": int(told.exit_code), "errors": errors}
    frames = _own_frames(error)
    message = "".join(traceback.format_exception_only(error)).strip()
    text = "".join(
        ["Traceback (most recent call last):\n", *traceback.format_list(frames), message]
    )
    last = frames[-1] if frames else None
    here = [one for one in frames if "site-packages" not in one.filename]
    last = here[-1] if here else last
    return {
        "kind": "program",
        "message": message,
        "traceback": text,
        "file": last.filename if last else None,
        "line": last.lineno if last else None,
    }


def _die_with_engine() -> None:
    sys.stdin.buffer.read()
    os._exit(_GONE)


def main() -> None:
    """Do what the task on standard input says."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine decides what Ctrl-C means
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # tasks of a program that failed
    descriptor = int(sys.argv[1])
    import pulumi  # noqa: F401, PLC0415 (takes half a second, in which the engine opens the state)

    # Programs make many objects and drop few: collecting as often as usual took half of a run.
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    line = sys.stdin.buffer.readline()
    if not line:
        os._exit(_GONE)
    threading.Thread(target=_die_with_engine, daemon=True).start()
    result: dict[str, Any] = {}
    code = ExitCode.OK
    try:
        _run(json.loads(line))
    except SystemExit as error:
        if error.code not in (None, 0):
            result = {"error": describe(RuntimeError(f"the program called exit({error.code!r})"))}
    except BaseException as error:  # noqa: BLE001 (told to the engine)
        result = {"error": describe(error)}
    if result:
        code = ExitCode.ERROR
    sys.stdout.flush()
    sys.stderr.flush()
    with open(descriptor, "w", encoding="utf-8") as stream:
        json.dump(result, stream)
    os._exit(code)  # threads that still wait for the engine must not keep the process


if __name__ == "__main__":
    main()
