"""The services that a running program talks to: ``ResourceMonitor`` and ``Engine`` (gRPC)."""

from __future__ import annotations

import concurrent.futures
import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from hoaban.engine.embedded.backend import ORGANIZATION
from hoaban.engine.embedded.goals import GoalReader, refuse
from hoaban.engine.embedded.properties import contains_unknown, reveal
from hoaban.engine.embedded.registered import Stopping
from hoaban.engine.embedded.remote import Remote
from hoaban.engine.embedded.services import EngineService
from hoaban.engine.embedded.transforms import Transforms
from hoaban.engine.embedded.urns import STACK_TYPE, is_provider, package_of
from hoaban.engine.embedded.wire import from_struct, to_struct
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.engine.embedded.deploy import Deployment
    from hoaban.engine.embedded.registered import Registered

_MAX_MESSAGE: Final = 400 * 1024 * 1024  # as the SDK's own limit
_STOPPING: Final = "the operation is ending"

# What programs may use. Of these, parameterized packages are refused by name when one is used: an
# SDK that is told they are missing asks people to update a command that is not there.
_FEATURES: Final = {
    "secrets": resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    "resourceReferences": resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    "outputValues": resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
    "replacementTrigger": resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    "aliasSpecs": resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    "deletedWith": resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    "replaceWith": resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    "transforms": resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    "invokeTransforms": resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    "parameterization": resource_pb2.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
    "resourceHooks": resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    "errorHooks": resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
}


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Passes what a program registers to the deployment, and answers when it is done."""

    def __init__(self, deployment: Deployment, folder: Path, address: str) -> None:
        self._deployment = deployment
        self._folder = folder
        self._goals = GoalReader(deployment.name, folder)
        self._transforms = Transforms(deployment.callbacks)
        self._remote = Remote(deployment, address)

    @contextlib.contextmanager
    def _answering(self, context: grpc.ServicerContext, urn: str = "") -> Iterator[None]:
        """Turn whatever is raised into a status that the SDK understands.

        An operation that is ending is UNAVAILABLE: the SDK then ends the program quietly. Other
        failures are noted here, so that people get them as they are and not as the program's.
        """
        try:
            yield
        except Stopping:
            context.abort(grpc.StatusCode.UNAVAILABLE, _STOPPING)
        except HoabanError as error:
            self._deployment.failures.add(error, urn)
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:  # noqa: BLE001 (raised again in the caller's thread)
            self._deployment.failures.add(error, urn)
            context.abort(grpc.StatusCode.INTERNAL, repr(error))

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """What is deployed, and which features the program may use."""
        deployment = self._deployment
        return resource_pb2.DeploymentInfo(
            project=deployment.name.project,
            stack=deployment.name.stack,
            organization=ORGANIZATION,
            config={key: reveal(value) for key, value in deployment.config.items()},
            configSecretKeys=[k for k, v in deployment.config.items() if isinstance(v, Secret)],
            dryRun=deployment.dry_run,
            parallel=deployment.options.parallel,
            supportedFeatures=list(_FEATURES.values()),
        )

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """The same question, one feature at a time (older SDKs)."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURES)

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A resource as it should be."""
        urn = self._goals.urn(request)
        with self._answering(context, urn):
            request = self._transforms.resource(request, urn)
            if request.remote:
                return self._construct(request, urn)
            goal = self._goals.registration(request, self._provider_for(request))
            done = self._deployment.register(goal)
            return resource_pb2.RegisterResourceResponse(
                urn=done.urn,
                id=done.id,
                object=to_struct(done.outputs),
                result=_result(done),
                unknown=done.unknown,
            )

    def _construct(self, request: Any, urn: str) -> Any:
        package = package_of(request.type)
        reference = request.provider or request.providers.get(package)
        reference = reference or self._deployment.default_provider(package, request.version)
        if not self._remote.has(reference):
            raise refuse(
                f"remote components of the package {package}, which has no plugin here", urn
            )
        return self._remote.construct(request, reference)

    def ReadResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A resource as it is."""
        with self._answering(context, self._goals.urn(request)):
            goal = self._goals.reading(request, self._provider_for(request))
            done = self._deployment.read(goal, request.id)
            return resource_pb2.ReadResourceResponse(
                urn=done.urn,
                id=done.id,
                properties=to_struct(done.outputs),
                result=_result(done),
                unknown=done.unknown,
            )

    def _provider_for(self, request: Any) -> str:
        """The provider a request names, or its package's default one."""
        if not getattr(request, "custom", True) or is_provider(request.type):
            return ""
        if request.provider:
            return str(request.provider)
        return self._deployment.default_provider(package_of(request.type), request.version)

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        """What a component says its outputs are."""
        with self._answering(context, request.urn):
            outputs = from_struct(request.outputs, self._folder)
            self._deployment.register_outputs(request.urn, outputs)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A function of a package. Its errors are the program's to catch."""
        deployment = self._deployment
        try:
            request = self._transforms.invoke(request)
            reference = request.provider or deployment.default_provider(
                package_of(request.tok), request.version
            )
            args = from_struct(request.args, self._folder)
            values = deployment.invoke(request.tok, args, deployment.provider(reference))
        except Stopping:
            context.abort(grpc.StatusCode.UNAVAILABLE, _STOPPING)
        except HoabanError as error:
            deployment.failures.remember(f"invoke of {request.tok} failed: {error.what}", error)
            context.abort(grpc.StatusCode.UNKNOWN, error.what)
        except Exception as error:  # noqa: BLE001 (raised again in the caller's thread)
            deployment.failures.add(error)
            context.abort(grpc.StatusCode.INTERNAL, repr(error))
        # A provider that is not configured yet (in a preview) answers unknowns.
        response = resource_pb2.ResourceInvokeResponse(unknown=contains_unknown(values))
        getattr(response, "return").CopyFrom(to_struct(values))
        return response

    def _refuse(self, context: grpc.ServicerContext, what: str) -> NoReturn:
        error = refuse(what)
        self._deployment.failures.add(error)
        context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        raise error

    def Call(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A method of a resource; plugins have them."""
        with self._answering(context):
            reference = request.provider or self._deployment.default_provider(
                package_of(request.tok), request.version
            )
            if self._remote.has(reference):
                return self._remote.call(request, reference)
        return self._refuse(context, f"calling the method {request.tok}")

    def ExistsResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Asking whether an object exists is not supported."""
        self._refuse(context, f"asking whether a {request.type} exists")

    def RegisterStackTransform(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """A function of the program that changes resources to come."""
        self._transforms.add(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """A function of the program that changes calls of functions to come."""
        self._transforms.add_invoke(request)
        return empty_pb2.Empty()

    def RegisterResourceHook(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A function of the program that runs before or after steps."""
        with self._answering(context):
            self._deployment.hooks.add(request)
        return empty_pb2.Empty()

    def RegisterErrorHook(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A function of the program that runs when a step fails."""
        with self._answering(context):
            self._deployment.hooks.add_error_hook(request)
        return empty_pb2.Empty()

    def RegisterPackage(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Parameterized packages are not supported."""
        self._refuse(context, f"the parameterized package {request.name}")

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        """The program has registered all it will, and stays for as long as its hooks are needed."""
        with self._answering(context):
            self._deployment.registered_all()
            self._deployment.callbacks.close()
        return empty_pb2.Empty()


def _result(done: Registered) -> Any:
    return resource_pb2.Result.FAIL if done.failed else resource_pb2.Result.SUCCESS


@contextlib.contextmanager
def serve(deployment: Deployment, folder: Path) -> Iterator[str]:
    """Serve a deployment to a program on a socket of this machine that only this user can open."""
    name = deployment.name
    root = f"urn:pulumi:{name.stack}::{name.project}::{STACK_TYPE}::{name.project}-{name.stack}"
    workers = deployment.options.parallel * 4 + 16
    with tempfile.TemporaryDirectory(prefix="hoaban-engine-") as private:
        pool = concurrent.futures.ThreadPoolExecutor(workers, "monitor")
        server = grpc.server(pool, options=[("grpc.max_receive_message_length", _MAX_MESSAGE)])
        address = f"unix:{Path(private) / 'engine.sock'}"
        monitor = Monitor(deployment, folder, address)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
        engine_pb2_grpc.add_EngineServicer_to_server(
            EngineService(deployment.report.say, root), server
        )
        server.add_insecure_port(address)
        server.start()
        try:
            yield address
        finally:
            server.stop(grace=None).wait()
            pool.shutdown()
            deployment.callbacks.close()
