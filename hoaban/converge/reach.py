"""Waits until hosts let the toolkit in, and says why one does not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hoaban.converge.console import tail
from hoaban.converge.hostkeys import check
from hoaban.errors import HoabanError, together
from hoaban.remote import RemoteResult, Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.console import Step, Steps
    from hoaban.converge.console import Console, Hindrance
    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.remote import Remote
    from hoaban.workspace import Workspace

TIMEOUT_SECONDS: Final = 300.0
ATTEMPT_SECONDS: Final = 45.0
PAUSE_SECONDS: Final = 3.0


NAMED: Final = 8
"""How many hosts are named in a line; the rest is counted."""


def few(names: Sequence[str]) -> str:
    """Names for people: some, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Door:
    """What is needed to log in to hosts and to explain a failure."""

    workspace: Workspace
    fleet: Fleet
    remote: Remote
    console: Console

    def wait(
        self, hosts: Sequence[ManagedHost], steps: Steps, *, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        """Log in to every host, the bastion first; raises one error for each that won't let us.

        The connections stay open for what follows.
        """
        with steps.step("SSH to every host") as step:
            closed = list(self._try_all(hosts, steps, step, timeout).values())
            if closed:
                raise together(closed)
            steps.update(step, f"{len(hosts)} hosts")

    def closed(
        self, hosts: Sequence[ManagedHost], steps: Steps, *, timeout: float = TIMEOUT_SECONDS
    ) -> dict[str, HoabanError]:
        """Log in to every host, as :meth:`wait` does; the errors by host, none for those open.

        A bastion that does not answer is raised: without it nothing can be said of the others.
        """
        with steps.step("SSH to every host") as step:
            closed = self._try_all(hosts, steps, step, timeout)
            steps.update(step, f"{len(hosts) - len(closed)} of {len(hosts)} hosts")
            if self.fleet.bastion is not None and self.fleet.bastion.name in closed:
                raise closed[self.fleet.bastion.name]
            return closed

    def _try_all(
        self, hosts: Sequence[ManagedHost], steps: Steps, step: Step, timeout: float
    ) -> dict[str, HoabanError]:
        deadline = time.monotonic() + timeout
        bastion = self.fleet.bastion
        if bastion is not None:
            closed = self._wait_all([bastion], deadline, steps, step)
            if closed:
                return closed
        rest = [host for host in hosts if host is not bastion]
        return self._wait_all(rest, deadline, steps, step)

    def _wait_all(
        self, hosts: Sequence[ManagedHost], deadline: float, steps: Steps, step: Step
    ) -> dict[str, HoabanError]:
        waiting = {host.name for host in hosts}

        def one(host: ManagedHost) -> HoabanError | None:
            result = self._try_until(host, deadline)
            waiting.discard(host.name)
            if waiting:
                steps.update(step, f"waiting for {few(sorted(waiting))}")
            return None if result.ok else self.explain(host, result)

        with ThreadPoolExecutor(max_workers=self.remote.parallel) as pool:
            errors = zip(hosts, pool.map(one, hosts), strict=True)
            return {host.name: error for host, error in errors if error is not None}

    def _try_until(self, host: ManagedHost, deadline: float) -> RemoteResult:
        while True:
            result = self.remote.run(host.name, ["true"], timeout=ATTEMPT_SECONDS)
            final = result.trouble in (None, Trouble.HOST_KEY)
            if final or self._hindrance(host) or time.monotonic() + PAUSE_SECONDS >= deadline:
                return result
            time.sleep(PAUSE_SECONDS)

    def explain(self, host: ManagedHost, result: RemoteResult) -> HoabanError:
        """Why a host did not let us in, with the end of its console log as evidence."""
        words = result.stderr.splitlines()[-1] if result.stderr else f"status {result.status}"
        if result.trouble is Trouble.HOST_KEY:
            concerned = [host] if self.fleet.bastion is None else [host, self.fleet.bastion]
            changed = check(self.workspace, concerned, self.console)
            if changed:
                return next(iter(changed.values()))
            return HoabanError(
                f"{host.name} does not show the SSH host key that its console log told",
                mend="something else answers at its address: find out what before you go on",
                detail=result.stderr,
            )
        if result.trouble is Trouble.LOGIN:
            return HoabanError(
                f"{host.name} refuses the deploy key: {words}",
                mend=f"was it built with another key than {self.workspace.keys}/deploy.pub? "
                "Then it has to be built anew",
                detail=self._console_tail(host),
            )
        through = self.fleet.jump_of(host)
        way = f" through {through.name}" if through is not None else ""
        hindrance = self._hindrance(host)
        if hindrance is not None:
            words, mend = hindrance.what, hindrance.mend
        else:
            mend = "its console log tells how far it came; once that is mended, run again"
        return HoabanError(
            f"{host.name} does not answer SSH{way}: {words}",
            mend=mend,
            detail=self._console_tail(host),
        )

    def _hindrance(self, host: ManagedHost) -> Hindrance | None:
        """What the cloud says against waiting; a cloud that is silent itself says nothing."""
        try:
            return self.console.hindrance(host.output.server_id)
        except HoabanError:
            return None

    def _console_tail(self, host: ManagedHost) -> str:
        try:
            return tail(self.console.output(host.output.server_id)) or "its console is empty"
        except HoabanError as error:
            return f"(no console log: {error.what})"
