"""The operation that imports: its lock, its look at the cloud, its line in the history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hoaban.engine.api import UpdateKind
from hoaban.engine.embedded.events import Reporter
from hoaban.engine.embedded.importing import Importer
from hoaban.engine.embedded.ledger import Ledger
from hoaban.engine.embedded.operation import Operation

if TYPE_CHECKING:
    from hoaban.engine.api import Options, Stack, UpdateResult
    from hoaban.engine.embedded.events import EventStream
    from hoaban.engine.embedded.failures import Failures
    from hoaban.engine.embedded.providers import ProviderFactory
    from hoaban.engine.embedded.state import Snapshot
    from hoaban.engine.embedded.store import Opened
    from hoaban.engine.imports import ImportRequest


class ImportOperation(Operation):
    """Brings what a request names into the state; the program is not run."""

    def __init__(
        self,
        request: ImportRequest,
        stack: Stack,
        options: Options,
        factory: ProviderFactory,
        stream: EventStream,
        failures: Failures,
    ) -> None:
        super().__init__(UpdateKind.IMPORT, stack, options, factory, stream, failures)
        self._request = request
        self._program_text = ""
        self._persist = not request.preview
        self._report = Reporter(stream, planning=request.preview)

    def _steps(self, opened: Opened) -> None:
        if self._ledger.unfinished():
            self._settle(opened)
            if self._failures:
                return
        importer = Importer(
            opened.store.name,
            opened.config,
            self._request,
            self._executor(opened, self._ledger),
            self._failures,
            self._options.parallel,
        )
        resources = importer.run()
        if resources is None:
            return
        self._program_text = importer.program
        # A new ledger, whose journal holds nothing: its commit is the whole import at once.
        before = self._ledger
        self._ledger = Ledger(
            opened.store,
            replace(before.snapshot(), resources=resources),
            base=before.base,
            persist=self._persist,
        )

    def _finish(self, snapshot: Snapshot) -> UpdateResult:
        return replace(super()._finish(snapshot), program=self._program_text)
