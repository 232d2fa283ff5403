"""A provider in another process, over Pulumi's ``ResourceProvider`` service (gRPC)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from hoaban.engine.embedded.properties import contains_unknown, normalise
from hoaban.engine.embedded.steps import compare
from hoaban.engine.embedded.urns import name_of
from hoaban.engine.embedded.wire import from_struct, to_struct
from hoaban.engine.provider import (
    CheckFailure,
    CheckResult,
    DiffKind,
    DiffResult,
    PartialFailureError,
    ProviderError,
    ResourceState,
)
from hoaban.engine.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hoaban.engine.values import PropertyMap

_MAX_MESSAGE: Final = 400 * 1024 * 1024
_OPTIONS: Final = [
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", _MAX_MESSAGE),
    ("grpc.enable_http_proxy", 0),
]
_KINDS: Final = {
    0: DiffKind.ADD,
    1: DiffKind.ADD_REPLACE,
    2: DiffKind.DELETE,
    3: DiffKind.DELETE_REPLACE,
    4: DiffKind.UPDATE,
    5: DiffKind.UPDATE_REPLACE,
}
_REPLACING: Final = {
    DiffKind.ADD: DiffKind.ADD_REPLACE,
    DiffKind.DELETE: DiffKind.DELETE_REPLACE,
    DiffKind.UPDATE: DiffKind.UPDATE_REPLACE,
}
# The plugin ended, or did not answer: what it did is not known.
_LOST: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class PluginProvider:
    """Passes calls to a plugin. Objects that it made cannot be found by a key."""

    finds = False

    def __init__(self, package: str, target: str, folder: Path) -> None:
        self.package = package
        self._folder = folder
        self._channel = grpc.insecure_channel(target, options=_OPTIONS)
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self._previews = False
        self._blind = False  # its configuration is not known yet

    def check_config(self, inputs: PropertyMap) -> CheckResult:
        """Check the provider's own configuration."""
        request = provider_pb2.CheckRequest(news=_struct(inputs), olds=_struct({}))
        answer = self._optional(self.stub.CheckConfig, request)
        return CheckResult(inputs) if answer is None else self._checked(answer)

    def diff_config(self, olds: PropertyMap, news: PropertyMap) -> DiffResult:
        """Compare two configurations; a plugin that does not know updates."""
        request = provider_pb2.DiffRequest(
            olds=_struct(olds), old_inputs=_struct(olds), news=_struct(news)
        )
        answer = self._optional(self.stub.DiffConfig, request)
        return compare(olds, news) if answer is None else _diff(answer, olds, news)

    def configure(self, inputs: PropertyMap, *, preview: bool) -> None:  # noqa: ARG002
        """Take the configuration; the plugin is asked nothing while parts of it are unknown."""
        self._blind = contains_unknown(inputs)
        if self._blind:
            return
        texts = {f"{self.package}:config:{key}": _text(value) for key, value in inputs.items()}
        answer = self._call(
            self.stub.Configure,
            provider_pb2.ConfigureRequest(
                variables=texts,
                args=_struct(inputs),
                sends_old_inputs=True,
                sends_old_inputs_to_delete=True,
            ),
        )
        self._previews = answer.supportsPreview

    def check(self, urn: str, token: str, olds: PropertyMap, news: PropertyMap) -> CheckResult:
        """Check the inputs of a resource and fill in defaults."""
        if self._blind:
            return CheckResult(news)
        return self._checked(
            self._call(
                self.stub.Check,
                provider_pb2.CheckRequest(
                    urn=urn, olds=_struct(olds), news=_struct(news), name=name_of(urn), type=token
                ),
            )
        )

    def _checked(self, answer: Any) -> CheckResult:
        failures = [CheckFailure(one.property, one.reason) for one in answer.failures]
        return CheckResult(self._map(answer.inputs), failures)

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
        if self._blind:
            return compare(state.inputs, news)
        answer = self._call(
            self.stub.Diff,
            provider_pb2.DiffRequest(
                id=id_,
                urn=urn,
                olds=_struct(state.outputs),
                old_inputs=_struct(state.inputs),
                news=_struct(news),
                ignoreChanges=ignore_changes,
                name=name_of(urn),
                type=token,
            ),
        )
        return _diff(answer, state.inputs, news)

    def create(
        self,
        urn: str,
        token: str,
        inputs: PropertyMap,
        *,
        key: str,  # noqa: ARG002 (plugins have no place for it)
        timeout: float | None,
        preview: bool,
    ) -> ResourceState:
        """Make the object. A plugin that cannot preview is not asked to."""
        if preview and (self._blind or not self._previews):
            return ResourceState("", dict(inputs))
        answer = self._call(
            self.stub.Create,
            provider_pb2.CreateRequest(
                urn=urn,
                properties=_struct(inputs),
                timeout=timeout or 0,
                preview=preview,
                name=name_of(urn),
                type=token,
            ),
        )
        return self._state(answer.id, answer)

    def read(
        self, urn: str, token: str, id_: str, state: ResourceState | None
    ) -> ResourceState | None:
        """The object as it is now, or None when it is gone."""
        if self._blind:
            return ResourceState(id_, {"id": UNKNOWN})
        answer = self._call(
            self.stub.Read,
            provider_pb2.ReadRequest(
                id=id_,
                urn=urn,
                properties=_struct(state.outputs if state else {}),
                inputs=_struct(state.inputs if state else {}),
                name=name_of(urn),
                type=token,
            ),
        )
        return self._state(answer.id, answer, self._map(answer.inputs)) if answer.id else None

    def find(self, urn: str, token: str, inputs: PropertyMap, key: str) -> ResourceState | None:  # noqa: ARG002
        """Never found: a plugin leaves no key on what it makes."""
        return None

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
        if preview and (self._blind or not self._previews):
            return ResourceState(id_, dict(news))
        answer = self._call(
            self.stub.Update,
            provider_pb2.UpdateRequest(
                id=id_,
                urn=urn,
                olds=_struct(state.outputs),
                old_inputs=_struct(state.inputs),
                news=_struct(news),
                timeout=timeout or 0,
                preview=preview,
                name=name_of(urn),
                type=token,
            ),
        )
        return self._state(id_, answer)

    def delete(
        self, urn: str, token: str, id_: str, state: ResourceState, *, timeout: float | None
    ) -> None:
        """Remove the object."""
        self._call(
            self.stub.Delete,
            provider_pb2.DeleteRequest(
                id=id_,
                urn=urn,
                properties=_struct(state.outputs),
                old_inputs=_struct(state.inputs),
                timeout=timeout or 0,
                name=name_of(urn),
                type=token,
            ),
        )

    def invoke(self, token: str, args: PropertyMap) -> PropertyMap:
        """Call a function of the package."""
        answer = self._call(
            self.stub.Invoke, provider_pb2.InvokeRequest(tok=token, args=_struct(args))
        )
        if answer.failures:
            told = "; ".join(f"{one.property}: {one.reason}" for one in answer.failures)
            raise ProviderError(f"the function {token} refuses its arguments: {told}")
        return self._map(getattr(answer, "return"))

    def cancel(self) -> None:
        """Ask calls under way to stop soon; does not wait for an answer."""
        self.stub.Cancel.future(empty_pb2.Empty())

    def call(self, method: str, request: Any) -> Any:
        """Any other call of the service, by its name (``Construct``, ``Call``)."""
        return self._call(getattr(self.stub, method), request)

    def _state(self, id_: str, answer: Any, inputs: PropertyMap | None = None) -> ResourceState:
        return ResourceState(
            id_,
            self._map(answer.properties),
            inputs or {},
            refresh_before_update=answer.refresh_before_update,
        )

    def _map(self, struct: Any) -> PropertyMap:
        return from_struct(struct, self._folder)

    def _optional(self, method: Any, request: Any) -> Any:
        """A call that not every plugin answers; None from one that does not."""
        try:
            return method(request)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise self._error(error) from error

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request)
        except grpc.RpcError as error:
            raise self._error(error) from error

    def _error(self, error: Any) -> ProviderError:
        told = str(error.details() or error.code())
        lines = told.strip().splitlines()
        # Plugins in Python answer a whole traceback; what it says is its last line.
        detail = told if len(lines) > 1 else None
        what = lines[-1] if told.startswith("Traceback") else lines[0]
        partial = _half_made(error)
        if partial is not None:
            reasons = "; ".join(partial.reasons) or what
            state = self._state(partial.id, partial, self._map(partial.inputs))
            return PartialFailureError(reasons, state=state, detail=detail)
        found = ProviderError(f"the provider {self.package}: {what}", detail=detail)
        found.undecided = error.code() in _LOST
        return found


def _half_made(error: Any) -> Any:
    """What a plugin says of an object that is there but not as asked."""
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin":
            continue
        status = status_pb2.Status.FromString(value)
        for one in status.details:
            partial = provider_pb2.ErrorResourceInitFailed()
            if one.Is(partial.DESCRIPTOR) and one.Unpack(partial):
                return partial
    return None


def _struct(values: PropertyMap) -> Any:
    return to_struct(normalise(values))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _diff(answer: Any, olds: PropertyMap, news: PropertyMap) -> DiffResult:
    """A plugin's answer; one that leaves it open is a comparison of the inputs."""
    compared = compare(olds, news)
    before = answer.deleteBeforeReplace
    if answer.changes == provider_pb2.DiffResponse.DIFF_NONE:
        return DiffResult()
    if answer.detailedDiff:
        changes = {path: _KINDS[one.kind] for path, one in answer.detailedDiff.items()}
    elif answer.diffs:
        changes = {path: compared.changes.get(path, DiffKind.UPDATE) for path in answer.diffs}
    else:
        changes = dict(compared.changes)
    if not changes and answer.changes == provider_pb2.DiffResponse.DIFF_SOME:
        changes = {"id": DiffKind.UPDATE}
    for path in answer.replaces:
        kind = changes.get(path, DiffKind.UPDATE)
        changes[path] = _REPLACING.get(kind, kind)
    return DiffResult(changes, delete_before_replace=before)
