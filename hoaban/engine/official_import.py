"""``pulumi import`` by the command itself.

The Automation API's own call for it takes neither a configuration file nor a preview and passes no
events on, so the command is given its arguments here; the events come from its log, at the end.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi.automation.events import EngineEvent

from hoaban.engine.api import UpdateKind
from hoaban.engine.imports import resolve
from hoaban.engine.official import CommandOperation

if TYPE_CHECKING:
    from pulumi import automation

    from hoaban.engine.api import Options, Stack, UpdateResult
    from hoaban.engine.embedded.events import EventStream
    from hoaban.engine.embedded.store import Opened
    from hoaban.engine.imports import ImportRequest


class CommandImport(CommandOperation):
    """One import by the command."""

    def __init__(
        self, request: ImportRequest, stack: Stack, options: Options, stream: EventStream
    ) -> None:
        super().__init__(UpdateKind.IMPORT, stack, options, stream)
        self._request = request
        self._program = ""

    def run(self) -> UpdateResult:
        """Do it all; raises what went wrong, after the command has saved the state."""
        return replace(super().run(), program=self._program)

    def _prepare(self, opened: Opened) -> None:
        name = opened.store.name
        resolve(self._request, name.stack, name.project)  # tells a fault with its place
        super()._prepare(opened)

    def _operate(self, config_file: Path) -> None:
        stack = self._select()
        with tempfile.TemporaryDirectory(prefix="hoaban-import-") as folder:
            events, text = Path(folder) / "events.jsonl", Path(folder) / "program.py"
            file = Path(folder) / "import.json"
            file.write_text(json.dumps(self._request.to_json()), encoding="utf-8")
            try:
                self._command.run(
                    self._arguments(stack, file, config_file, events, text),
                    str(self._stack.program),
                    # It keeps a log of events only for who looks for defects.
                    {**self._environment(), "PULUMI_DEBUG_COMMANDS": "true"},
                )
            finally:
                if events.exists():
                    for line in events.read_text(encoding="utf-8").splitlines():
                        self._take(EngineEvent.from_json(json.loads(line)))
            if text.exists():
                self._program = text.read_text(encoding="utf-8")

    def _arguments(
        self, stack: automation.Stack, file: Path, config_file: Path, events: Path, text: Path
    ) -> list[str]:
        request, options = self._request, self._options
        generates = request.generate_code and not request.preview
        return [
            "import",
            *(["--preview-only"] if request.preview else ["--yes", "--skip-preview"]),
            *["--file", str(file), "--stack", stack.name, "--config-file", str(config_file)],
            *["--parallel", str(options.parallel), "--color", "never"],
            *["--event-log", str(events), f"--protect={str(request.protect).lower()}"],
            *(["--out", str(text)] if generates else ["--generate-code=false"]),
            *(["--message", options.message] if options.message else []),
        ]
