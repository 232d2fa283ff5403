"""What an engine asks of a resource provider.

The calls and their meaning are those of Pulumi's ``ResourceProvider`` service
(sdk/proto/pulumi/provider.proto), with Python values in place of wire structs. Values given to a
provider may hold :data:`~hoaban.engine.values.UNKNOWN` (in ``check``, ``diff`` and preview calls)
but never :class:`~hoaban.engine.values.Secret`: the engine takes secrets apart before a call and
puts them together again after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from hoaban.engine.drift import Deed
    from hoaban.engine.values import PropertyMap


class DiffKind(StrEnum):
    """How one property changes; the ``*_REPLACE`` kinds force a replacement."""

    ADD = "add"
    ADD_REPLACE = "add-replace"
    DELETE = "delete"
    DELETE_REPLACE = "delete-replace"
    UPDATE = "update"
    UPDATE_REPLACE = "update-replace"

    @property
    def replaces(self) -> bool:
        """Whether a change of this kind needs a new object."""
        return self.value.endswith("-replace")


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """An input that the provider refuses: the property (dotted path) and why."""

    property: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Inputs with defaults filled in, and what is wrong with them."""

    inputs: PropertyMap
    failures: Sequence[CheckFailure] = ()


@dataclass(frozen=True, slots=True)
class DiffResult:
    """Changes by property path (``rules[0].port``); empty when nothing differs."""

    changes: Mapping[str, DiffKind] = field(default_factory=dict)
    delete_before_replace: bool = False

    @property
    def replaces(self) -> list[str]:
        """Property paths that force a replacement."""
        return [path for path, kind in self.changes.items() if kind.replaces]


@dataclass(frozen=True, slots=True)
class ResourceState:
    """A resource as the cloud has it.

    ``init_errors`` is filled by the engine only: why the object was left half made by an earlier
    run (:class:`PartialFailureError`). A ``diff`` that sees it may ask for a replacement (a server
    in ERROR cannot be mended in place); with no change at all the engine calls ``update``, so that
    the provider finishes what it began.
    """

    id: str
    outputs: PropertyMap
    inputs: PropertyMap = field(default_factory=dict)
    init_errors: Sequence[str] = ()
    refresh_before_update: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a list told of one object.

    ``state`` is the one in store with what was changed behind its back taken over, None when the
    object is gone. ``changed`` are the properties that this is, ``hidden`` those whose values must
    not be shown. ``at`` is when the object was last changed, as the cloud writes it.
    """

    state: ResourceState | None
    changed: Sequence[str] = ()
    hidden: Collection[str] = ()
    at: str = ""


class UnknownPackageError(HoabanError):
    """There is no provider of a package in this process; there may be a plugin of it."""


class ProviderError(HoabanError):
    """A call to the cloud failed and nothing was made or changed by it.

    ``common`` is what every call would have met (the cloud is down, the credentials are refused),
    without the object it was met with; None when the failure is this object's own.
    """

    common: str | None = None
    undecided: bool = False
    """The call may have had its effect all the same, and nobody could look: the next run must."""


class PartialFailureError(ProviderError):
    """The object exists but is not as asked (a server in ERROR): its state must be kept."""

    def __init__(
        self, what: str, *, state: ResourceState, detail: str | None = None, mend: str | None = None
    ) -> None:
        super().__init__(what, detail=detail, mend=mend)
        self.state = state

    @classmethod
    def of(cls, error: ProviderError, state: ResourceState) -> PartialFailureError:
        """The same error, of an object that is there all the same."""
        partial = cls(error.what, state=state, detail=error.detail, mend=error.mend)
        partial.where = error.where
        return partial


class Cancelled(ProviderError):
    """The call was given up because the person asked to stop."""


class Provider(Protocol):
    """A provider of one package, configured for one cloud and project.

    Every call may be made from several threads at once. ``urn`` is the resource's URN, ``token``
    its type (``openstack:networking/network:Network``), ``timeout`` seconds or None for the
    default.
    """

    package: str

    def check_config(self, inputs: PropertyMap) -> CheckResult:
        """Check the provider's own configuration."""

    def diff_config(self, olds: PropertyMap, news: PropertyMap) -> DiffResult:
        """Compare two configurations; a replacement means that all resources move elsewhere."""

    def configure(self, inputs: PropertyMap, *, preview: bool) -> None:
        """Take the configuration. With unknown values in a preview, reads answer "unknown"."""

    def check(self, urn: str, token: str, olds: PropertyMap, news: PropertyMap) -> CheckResult:
        """Check the inputs of a resource and fill in defaults."""

    def diff(
        self,
        urn: str,
        token: str,
        id_: str,
        state: ResourceState,
        news: PropertyMap,
        ignore_changes: Sequence[str],
    ) -> DiffResult:
        """Compare new inputs with the state in store."""

    def create(
        self,
        urn: str,
        token: str,
        inputs: PropertyMap,
        *,
        key: str,
        timeout: float | None,
        preview: bool,
    ) -> ResourceState:
        """Make the object; in a preview tell the outputs that can be told, the rest UNKNOWN.

        ``key`` is unique to this resource of this stack; the provider leaves it on the object
        where the cloud has a place for it (tag, metadata), so that it can be found again.
        """

    def read(
        self, urn: str, token: str, id_: str, state: ResourceState | None
    ) -> ResourceState | None:
        """The object as it is now, or None when it is gone."""

    def find(self, urn: str, token: str, inputs: PropertyMap, key: str) -> ResourceState | None:
        """The object that an interrupted create left behind, by its key, or None."""

    def update(
        self,
        urn: str,
        token: str,
        id_: str,
        state: ResourceState,
        news: PropertyMap,
        *,
        timeout: float | None,
        preview: bool,
    ) -> ResourceState:
        """Change the object in place."""

    def delete(
        self, urn: str, token: str, id_: str, state: ResourceState, *, timeout: float | None
    ) -> None:
        """Remove the object; one that is gone already is no error."""

    def invoke(self, token: str, args: PropertyMap) -> PropertyMap:
        """Call a function of the package (``openstack:images/getImage:getImage``)."""

    def cancel(self) -> None:
        """Ask calls under way to stop soon."""


class Looker(Protocol):
    """A provider that can compare all resources of a type with one list of the cloud's.

    Not every provider can: a plugin reads one object at a time.
    """

    def look(
        self, token: str, known: Sequence[tuple[str, ResourceState]], *, each: bool
    ) -> Sequence[Sighting]:
        """What became of the objects, given by URN and state, in that order.

        Raises :class:`ProviderError` where the cloud cannot list them; ``each`` lets objects that
        no list tells of be read one by one.
        """

    def deed(self, token: str, id_: str, changed: Sequence[str], since: str) -> Deed | None:
        """Who changed these properties (removed the object, when there are none), if it is known.

        ``since`` is when the state was last written (RFC 3339): what is older was ours.
        """
