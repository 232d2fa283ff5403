"""Transforms of a program: functions that change what it registers, before the engine takes it.

They are called with what the program asked for, its own first, then those of the parents from the
nearest outwards, then those of the whole stack: the order of Pulumi's own resource monitor
(pkg/resource/deploy/source_eval.go). What they answer is put back into the request, so that all
that comes after reads a request as if the program had written it so.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from pulumi.runtime.proto import alias_pb2, resource_pb2

if TYPE_CHECKING:
    from hoaban.engine.embedded.callbacks import Callbacks

# Options by the name they have in a transform and in a registration.
_OPTIONS: Final = {
    "depends_on": "dependencies",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
    "version": "version",
    "aliases": "aliases",
    "provider": "provider",
    "plugin_download_url": "pluginDownloadURL",
    "deleted_with": "deletedWith",
    "additional_secret_outputs": "additionalSecretOutputs",
    "import": "importId",
    "hide_diff": "hideDiffs",
    "replace_with": "replace_with",
}
_MESSAGES: Final = {
    "custom_timeouts": "customTimeouts",
    "hooks": "hooks",
    "replacement_trigger": "replacement_trigger",
}
_OPTIONAL: Final = {"protect": "protect", "retain_on_delete": "retainOnDelete"}


class Transforms:
    """The transforms of one run of a program. Safe to use from several threads."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._lock = threading.Lock()
        self._stack: list[Any] = []
        self._invokes: list[Any] = []
        self._own: dict[str, list[Any]] = {}
        self._parents: dict[str, str] = {}

    def add(self, callback: Any) -> None:
        """A transform of all resources registered from now on."""
        with self._lock:
            self._stack.append(callback)

    def add_invoke(self, callback: Any) -> None:
        """A transform of all functions called from now on."""
        with self._lock:
            self._invokes.append(callback)

    def resource(self, request: Any, urn: str) -> Any:
        """A registration as its transforms leave it."""
        with self._lock:
            self._parents[urn] = request.parent
            if request.transforms:
                self._own[urn] = list(request.transforms)
            wanted = [*self._inherited(urn), *self._stack]
        for callback in wanted:
            answer = self._callbacks.call(
                callback,
                _asked(request),
                resource_pb2.TransformResponse,
                f"a transform of {request.name}",
            )
            request = _answered(request, answer)
        return request

    def _inherited(self, urn: str) -> list[Any]:
        found: list[Any] = []
        while urn:
            found += self._own.get(urn, ())
            urn = self._parents.get(urn, "")
        return found

    def invoke(self, request: Any) -> Any:
        """A call of a function as its transforms leave it."""
        with self._lock:
            wanted = list(self._invokes)
        for callback in wanted:
            answer = self._callbacks.call(
                callback,
                resource_pb2.TransformInvokeRequest(
                    token=request.tok,
                    args=request.args,
                    options=resource_pb2.TransformInvokeOptions(
                        provider=request.provider,
                        plugin_download_url=request.pluginDownloadURL,
                        version=request.version,
                    ),
                ),
                resource_pb2.TransformInvokeResponse,
                f"a transform of the function {request.tok}",
            )
            request = _copy(request)
            request.args.CopyFrom(answer.args)
            if answer.HasField("options"):
                request.provider = answer.options.provider
                request.pluginDownloadURL = answer.options.plugin_download_url
                request.version = answer.options.version
        return request


def _asked(request: Any) -> Any:
    """A registration as a transform is told of it."""
    options = resource_pb2.TransformResourceOptions()
    for name, field in _OPTIONS.items():
        _put(options, name, getattr(request, field))
    options.aliases.extend(alias_pb2.Alias(urn=urn) for urn in request.aliasURNs)
    for name, field in _MESSAGES.items():
        if request.HasField(field):
            getattr(options, name).CopyFrom(getattr(request, field))
    for name, field in _OPTIONAL.items():
        if request.HasField(field):
            setattr(options, name, getattr(request, field))
    if request.deleteBeforeReplaceDefined:
        options.delete_before_replace = request.deleteBeforeReplace
    options.providers.update(request.providers)
    return resource_pb2.TransformRequest(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=request.object,
        options=options,
    )


def _answered(request: Any, answer: Any) -> Any:
    """A registration with what a transform made of it."""
    request = _copy(request)
    request.object.CopyFrom(answer.properties)
    if answer.HasField("options"):
        _take_options(request, answer.options)
    for gone in set(request.propertyDependencies) - set(request.object.fields):
        del request.propertyDependencies[gone]
    needed = {urn for one in request.propertyDependencies.values() for urn in one.urns}
    request.dependencies.extend(sorted(needed - set(request.dependencies)))
    return request


def _take_options(request: Any, options: Any) -> None:
    del request.aliasURNs[:]  # told, and answered, among the aliases
    for name, field in _OPTIONS.items():
        _put(request, field, getattr(options, name))
    for name, field in _MESSAGES.items():
        request.ClearField(field)
        if options.HasField(name):
            getattr(request, field).CopyFrom(getattr(options, name))
    for name, field in _OPTIONAL.items():
        request.ClearField(field)
        if options.HasField(name):
            setattr(request, field, getattr(options, name))
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    request.deleteBeforeReplace = options.delete_before_replace
    request.providers.clear()
    request.providers.update(options.providers)


def _put(message: Any, field: str, value: Any) -> None:
    if isinstance(value, str):
        setattr(message, field, value)
    else:
        message.ClearField(field)
        getattr(message, field).extend(value)


def _copy(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
