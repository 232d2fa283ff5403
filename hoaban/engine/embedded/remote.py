"""Components and methods that a plugin has: it registers through the program's own monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pulumi.runtime.proto import provider_pb2, resource_pb2

from hoaban.engine.embedded.backend import ORGANIZATION
from hoaban.engine.embedded.plugin_provider import PluginProvider
from hoaban.engine.embedded.properties import reveal
from hoaban.engine.embedded.registered import Stopping
from hoaban.engine.provider import ProviderError
from hoaban.engine.values import Secret

if TYPE_CHECKING:
    from hoaban.engine.embedded.deploy import Deployment

# Options of a registration that a component takes over as they are.
_REPEATED: Final = (
    "dependencies",
    "additionalSecretOutputs",
    "ignoreChanges",
    "replaceOnChanges",
    "replace_with",
    "aliases",
)
_PLAIN: Final = ("deletedWith",)
_OPTIONAL: Final = ("protect", "retainOnDelete")


class Remote:
    """Passes components and methods to the plugins that have them."""

    def __init__(self, deployment: Deployment, address: str) -> None:
        """``address`` is where the plugin finds the monitor."""
        self._deployment = deployment
        self._address = address

    def has(self, reference: str) -> bool:
        """Whether the provider of a reference is a plugin."""
        return isinstance(self._deployment.provider(reference), PluginProvider)

    def construct(self, request: Any, reference: str) -> Any:
        """Have a component made; the answer to the program that asked for it."""
        asked = provider_pb2.ConstructRequest(
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=request.object,
            accepts_output_values=True,
            **self._stack(),
        )
        _take_options(asked, request)
        answer = self._ask(reference, "Construct", asked)
        response = resource_pb2.RegisterResourceResponse(urn=answer.urn, object=answer.state)
        for key, one in answer.stateDependencies.items():
            response.propertyDependencies[key].urns.extend(one.urns)
        return response

    def call(self, request: Any, reference: str) -> Any:
        """Have a method called; its answer."""
        asked = provider_pb2.CallRequest(
            tok=request.tok, args=request.args, accepts_output_values=True, **self._stack()
        )
        for key, one in request.argDependencies.items():
            asked.argDependencies[key].urns.extend(one.urns)
        return self._ask(reference, "Call", asked)

    def _stack(self) -> dict[str, Any]:
        deployment = self._deployment
        config = deployment.config
        return {
            "project": deployment.name.project,
            "stack": deployment.name.stack,
            "organization": ORGANIZATION,
            "config": {key: reveal(value) for key, value in config.items()},
            "configSecretKeys": [k for k, value in config.items() if isinstance(value, Secret)],
            "dryRun": deployment.dry_run,
            "parallel": deployment.options.parallel,
            "monitorEndpoint": self._address,
        }

    def _ask(self, reference: str, method: str, request: Any) -> Any:
        provider = self._deployment.provider(reference)
        assert isinstance(provider, PluginProvider)  # noqa: S101 (asked before)
        try:
            return provider.call(method, request)
        except ProviderError as error:
            if self._deployment.failures.stopping:
                raise Stopping from error  # it only tells that its own resources were refused
            raise


def _take_options(asked: Any, request: Any) -> None:
    """Options of a registration, as a component is told of them."""
    for key, one in request.propertyDependencies.items():
        asked.inputDependencies[key].urns.extend(one.urns)
    asked.providers.update(request.providers)
    for field in _REPEATED:
        getattr(asked, field).extend(getattr(request, field))
    for field in _PLAIN:
        setattr(asked, field, getattr(request, field))
    for field in _OPTIONAL:
        if request.HasField(field):
            setattr(asked, field, getattr(request, field))
    if request.deleteBeforeReplaceDefined:
        asked.deleteBeforeReplace = request.deleteBeforeReplace
    if request.HasField("replacement_trigger"):
        asked.replacement_trigger.CopyFrom(request.replacement_trigger)
    for field, into in (("customTimeouts", "customTimeouts"), ("hooks", "resource_hooks")):
        if request.HasField(field):
            getattr(asked, into).MergeFromString(getattr(request, field).SerializeToString())
