"""The OpenStack provider of the embedded engine."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from hoaban.engine.provider import (
    CheckResult,
    DiffResult,
    PartialFailureError,
    ProviderError,
    ResourceState,
)
from hoaban.engine.values import UNKNOWN
from hoaban.errors import Location
from hoaban.openstack import deeds
from hoaban.openstack import diff as differences
from hoaban.openstack.call import Call, Shared
from hoaban.openstack.cloud import Cloud, unconfigured
from hoaban.openstack.errors import CloudError
from hoaban.openstack.listed import require_list
from hoaban.openstack.marked import Marked, marked_objects
from hoaban.openstack.registry import FUNCTIONS, RESOURCES
from hoaban.openstack.schema import has_unknown
from hoaban.openstack.settings import check_settings, compare_settings
from hoaban.openstack.sight import sightings
from hoaban.openstack.telling import hidden_values, name_of, redacted

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence

    from hoaban.engine.drift import Deed
    from hoaban.engine.provider import Sighting
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack.resource import Resource


class OpenStackProvider:
    """Types and functions of ``pulumi-openstack`` over the cloud's own APIs.

    It fits :class:`hoaban.engine.provider.Provider`. ``environ`` is where ``OS_CLOUD`` and the like
    are read when the provider is configured (the process's environment unless told).
    """

    package = "openstack"

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = environ
        self._cloud: Cloud | None = None
        self._shared = Shared()

    # --- configuration -------------------------------------------------------------------------

    def check_config(self, inputs: PropertyMap) -> CheckResult:
        """Check the provider's own configuration."""
        return check_settings(inputs)

    def diff_config(self, olds: PropertyMap, news: PropertyMap) -> DiffResult:
        """Compare two configurations. A change never moves resources elsewhere by itself."""
        return DiffResult(compare_settings(olds, news))

    def configure(self, inputs: PropertyMap, *, preview: bool) -> None:
        """Take the configuration; the cloud is asked nothing before it is needed."""
        self._shared = Shared()
        if has_unknown(inputs):
            if not preview:
                raise unconfigured()
            self._cloud = None
            return
        environ = os.environ if self._environ is None else self._environ
        self._cloud = Cloud(inputs, dict(environ))

    def begin_epoch(self) -> None:
        """Forget what was read: the next read asks the cloud anew."""
        self._shared.lists.forget()

    @property
    def calls(self) -> Counter[str]:
        """How many requests were sent, by method, service and collection."""
        return self._configured().calls

    def secret_outputs(self, token: str) -> frozenset[str]:
        """Outputs of a type that are secret whatever the program says."""
        return _kind(token).secret_names

    # --- resources -----------------------------------------------------------------------------

    def check(self, urn: str, token: str, olds: PropertyMap, news: PropertyMap) -> CheckResult:
        """Check the inputs of a resource and fill in defaults."""
        return _kind(token, urn).check(urn, olds, news)

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
        return _kind(token, urn).diff(state, news, ignore_changes)

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
        """Make the object; in a preview tell what can be told."""
        kind = _kind(token, urn)
        if preview:
            region = self._cloud.region if self._cloud else None
            return ResourceState("", kind.preview_create(inputs, region))
        with self._telling(urn, kind, "create", inputs):
            try:
                return kind.create(self._call(kind, urn, inputs, timeout, key), inputs)
            except CloudError as error:
                # Looked for or not: a list may lag behind what was made, so the next run must look.
                error.undecided = error.unsure
                raise

    def read(
        self, urn: str, token: str, id_: str, state: ResourceState | None
    ) -> ResourceState | None:
        """The object as it is now, or None when it is gone."""
        kind = _kind(token, urn)
        if self._cloud is None:
            outputs = {spec.name: UNKNOWN for spec in kind.fields}
            return ResourceState(id_, outputs, dict(state.inputs) if state else {})
        known = state.outputs if state else {}
        with self._telling(urn, kind, "read", known):
            return kind.read(self._call(kind, urn, known, None), id_, state)

    def look(
        self, token: str, known: Sequence[tuple[str, ResourceState]], *, each: bool
    ) -> list[Sighting]:
        """What became of objects of a type, by one list of them all."""
        kind = _kind(token)
        require_list(kind, len(known), each=each)
        sought = frozenset(state.id for _, state in known)

        def call_for(urn: str, state: ResourceState) -> Call:
            return replace(self._call(kind, urn, state.outputs, None), sought=sought)

        try:
            return sightings(kind, known, call_for)
        except ProviderError as error:
            states = (state.outputs for _, state in known)
            hidden = {value for one in states for value in hidden_values(kind.fields, one)}
            raise redacted(error, self._configured().secrets | hidden) from None

    def deed(self, token: str, id_: str, changed: Sequence[str], since: str) -> Deed | None:
        """Who changed these properties, or removed the object, if the cloud has a record."""
        call = Call(self._configured(), self._shared, "")
        return deeds.deed(call, token, id_, changed, since)

    def find(self, urn: str, token: str, inputs: PropertyMap, key: str) -> ResourceState | None:
        """The object that an interrupted create left behind, or None."""
        kind = _kind(token, urn)
        with self._telling(urn, kind, "look for", inputs):
            return kind.find(self._call(kind, urn, inputs, None, key), inputs)

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
        kind = _kind(token, urn)
        changed = differences.changed_names(kind.diff(state, news, ()).changes)
        if preview:
            return ResourceState(id_, kind.preview_update(state, news, changed), dict(news))
        with self._telling(urn, kind, "change", {**state.outputs, **news}):
            call = self._call(kind, urn, news, timeout)
            try:
                return kind.update(call, id_, state, news, changed)
            except PartialFailureError:
                raise
            except ProviderError as error:
                raise _half_changed(kind, call, id_, state, error) from None

    def delete(
        self, urn: str, token: str, id_: str, state: ResourceState, *, timeout: float | None
    ) -> None:
        """Remove the object; one that is gone already is no error."""
        kind = _kind(token, urn)
        with self._telling(urn, kind, "delete", state.outputs):
            kind.delete(self._call(kind, urn, state.outputs, timeout), id_, state)

    def marked(self) -> list[Marked]:
        """All objects that bear a mark of ours, at the cost of one list a type."""
        cloud = self._configured()
        return marked_objects(Call(cloud, self._shared, "", None), RESOURCES.values())

    # --- functions -----------------------------------------------------------------------------

    def invoke(self, token: str, args: PropertyMap) -> PropertyMap:
        """Call a function of the package."""
        function = FUNCTIONS.get(token)
        if function is None:
            raise ProviderError(
                f"the embedded provider has no function {token}",
                mend="use a function that docs/provider-types.md lists",
            )
        if self._cloud is None or has_unknown(args):
            return function.unknown(args)
        accepted = function.accept(args)
        call = Call(self._cloud, self._shared, token, region=accepted.get("region"))
        try:
            return function.run(call, accepted)
        except ProviderError as error:
            raise redacted(error, self._cloud.secrets) from None

    def cancel(self) -> None:
        """Ask calls under way to stop soon."""
        if self._cloud is not None:
            self._cloud.cancel()

    # --- inside --------------------------------------------------------------------------------

    def _configured(self) -> Cloud:
        if self._cloud is None:
            raise unconfigured()
        return self._cloud

    def _call(
        self, kind: Resource, urn: str, props: PropertyMap, timeout: float | None, key: str = ""
    ) -> Call:
        cloud, region = self._configured(), props.get("region")
        deadline = time.monotonic() + (timeout or kind.timeout)
        elsewhere = region if region and region != cloud.region else None
        return Call(cloud, self._shared, urn, elsewhere, key, deadline)

    @contextmanager
    def _telling(self, urn: str, kind: Resource, verb: str, props: PropertyMap) -> Iterator[None]:
        """Say in errors what was tried on what; leave secrets out."""
        try:
            yield
        except ProviderError as error:
            hidden = self._configured().secrets | set(hidden_values(kind.fields, props))
            if isinstance(error, CloudError) and error.everywhere:
                error.common = error.what
            error.what = f"cannot {verb} {kind.label} {name_of(urn, props)}: {error.what}"
            error.where = replace(error.where or Location(), urn=urn)
            raise redacted(error, hidden) from None


def _kind(token: str, urn: str | None = None) -> Resource:
    kind = RESOURCES.get(token)
    if kind is None:
        raise ProviderError(
            f"the embedded provider has no type {token}",
            where=Location(urn=urn) if urn else None,
            mend="use a type that docs/provider-types.md lists: the engine can make no others",
        )
    return kind


def _half_changed(
    kind: Resource, call: Call, id_: str, state: ResourceState, error: ProviderError
) -> ProviderError:
    """The error of an update: with the object's new state, if the update changed anything."""
    try:
        call.shared.lists.forget()
        now = kind.read(call, id_, state)
    except ProviderError:
        return error
    if now is None or differences.compare(kind.fields, state.outputs, now.outputs) == {}:
        return error
    return PartialFailureError.of(error, now)
