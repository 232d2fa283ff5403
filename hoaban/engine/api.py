"""What the toolkit asks of an engine, whichever it is.

Two fit: the embedded one (Python alone) and the official ``pulumi`` command. Both keep the same
state, so a stack can change hands between any two operations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from hoaban.errors import ExitCode, HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pulumi.automation.events import EngineEvent

    from hoaban.engine.drift import Sight
    from hoaban.engine.imports import ImportRequest
    from hoaban.engine.storage import Place
    from hoaban.engine.updateplan import UpdatePlan
    from hoaban.engine.values import Secret

    EventHandler = Callable[[EngineEvent], None]


# Calls under way; the provider bounds its requests itself, and joins some into one.
PARALLEL: Final = 32


class UpdateKind(StrEnum):
    """What an operation does, in the words of Pulumi's history."""

    PREVIEW = "preview"
    UPDATE = "update"
    REFRESH = "refresh"
    DESTROY = "destroy"
    IMPORT = "resource-import"


@dataclass(frozen=True, slots=True)
class Stack:
    """A program, the name of one instance of it, and where its state and configuration lie.

    ``program`` is a folder with ``Pulumi.yaml``; ``backend`` the folder or URL of a Pulumi backend;
    ``config_file`` the ``Pulumi.<stack>.yaml`` that holds the salt and set values; ``config`` are
    values for this run that win over the file's; ``passphrase_file`` a file of mode 0600, and
    ``passphrases`` a folder with those that stacks have of their own (``<project>.<stack>``);
    ``environment`` is added to the program's and the provider's environment.
    """

    program: Path
    name: str
    backend: Place
    config_file: Path
    passphrase_file: Path
    config: Mapping[str, str | Secret] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    passphrases: Path | None = None

    def passphrase_of(self, project: str, name: str) -> Path:
        """The file with the passphrase of this or another stack of the backend, as of now."""
        own = self.passphrases / f"{project}.{name}" if self.passphrases else None
        return own if own is not None and own.exists() else self.passphrase_file


@dataclass(frozen=True, slots=True)
class Options:
    """How an operation is run. ``parallel`` counts provider calls under way at once.

    ``released`` are URNs that this operation may delete although the state has them protected or
    retained: someone has agreed to lose them. ``rehearsed`` says that a preview of the same was
    just made and accepted: an update then does not look first whether something protected is in
    its way, and would notice only when it gets there.

    ``targets`` are URNs, or patterns of them, that alone may be touched; ``excludes`` those that
    are left as the state has them. What depends on them goes with them where
    ``target_dependents`` or ``exclude_dependents`` say so. ``replace`` are those to be made anew
    though nothing changed.

    ``policy_packs`` are folders of policy packs, whose policies judge previews and updates.

    ``look`` compares the state with lists of the cloud first, one a type, and takes over what was
    changed by hand; with ``refresh`` every object is read, also what no list tells of.

    ``record`` lets a preview say its steps as an :class:`UpdatePlan`. ``plan`` holds an update to
    one: it begins no step that is not in it, and nothing at all on another state.
    """

    parallel: int = PARALLEL
    targets: Sequence[str] = ()
    target_dependents: bool = False
    excludes: Sequence[str] = ()
    exclude_dependents: bool = False
    replace: Sequence[str] = ()
    released: Sequence[str] = ()
    refresh: bool = False
    look: bool = False
    rehearsed: bool = False
    continue_on_error: bool = False
    expect_no_changes: bool = False
    message: str = ""
    policy_packs: Sequence[Path] = ()
    record: bool = False
    plan: UpdatePlan | None = None

    def choices(self) -> dict[str, Any]:
        """What decides which steps come up: a preview and its update must have it in common."""
        return {
            "refresh": self.refresh,
            "look": self.look,
            "targets": tuple(self.targets),
            "target_dependents": self.target_dependents,
            "excludes": tuple(self.excludes),
            "exclude_dependents": self.exclude_dependents,
            "replace": tuple(self.replace),
        }


@dataclass(frozen=True, slots=True)
class Violation:
    """What a policy says against a resource, or with no ``urn`` against the whole stack.

    ``level`` is ``advisory`` or ``mandatory``. ``message`` are the policy's words, a description on
    the first line.
    """

    policy: str
    pack: str
    version: str
    level: str
    message: str
    urn: str = ""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a plan or a run: ``op`` is Pulumi's word (create, update, replace …)."""

    op: str
    urn: str
    type: str
    id: str = ""
    protect: bool = False
    diffs: Sequence[str] = ()
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What an operation came to. ``outputs`` hold :class:`Secret` where they are secret.

    ``plan`` is there where a preview was to record it. ``violations`` are of policies that advise.
    ``sight`` is what a look at the cloud found, None where there was none: the state was believed.
    ``program`` is the text that declares what was imported.
    """

    kind: UpdateKind
    changes: Mapping[str, int]
    steps: Sequence[PlannedStep]
    outputs: Mapping[str, Any]
    duration_seconds: float
    plan: UpdatePlan | None = None
    violations: Sequence[Violation] = ()
    sight: Sight | None = None
    program: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything but ``same`` and ``read`` steps came up."""
        return any(n for op, n in self.changes.items() if op not in ("same", "read", "refresh"))


class Interrupted(HoabanError):
    """The person asked to stop; calls under way were let finish. Tells if the state is saved."""

    exit_code = ExitCode.INTERRUPTED


class ProtectedError(HoabanError):
    """A protected resource would be deleted or replaced; ``where.urn`` is which."""


class Engine(Protocol):
    """Runs operations on stacks.

    Each raises :class:`hoaban.errors.HoabanError` when it fails; by then the state holds the truth
    about what was done. ``on_event`` is called from one thread, in order. ``looks`` tells whether
    it knows ``Options.look``.
    """

    name: str
    looks: bool

    def preview(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        """Tell what ``up`` would do."""

    def up(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        """Make the cloud as the program says."""

    def refresh(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        """Make the state as the cloud is."""

    def destroy(self, stack: Stack, options: Options, on_event: EventHandler) -> UpdateResult:
        """Delete all that the state holds; protected resources stop it before anything is done."""

    def import_resources(
        self, stack: Stack, request: ImportRequest, options: Options, on_event: EventHandler
    ) -> UpdateResult:
        """Bring objects that exist under the stack; the program is not run."""

    def outputs(self, stack: Stack) -> Mapping[str, Any]:
        """Outputs of the last update, from the state alone."""
