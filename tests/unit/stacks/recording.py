"""A cloud that remembers what a program registered, with the options of each resource."""

from __future__ import annotations

import asyncio
import contextvars
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROVINCE_OUTPUT = {
    "router_id": "router-of-the-province",
    "key_pair": "hoaban-thu-nghiem",
    "image_id": "image-of-the-province",
    "image_name": "debian-13",
    "flavor_ids": {"small": "flavor-small", "large": "flavor-large"},
    "bastion": "bastion",
}


@dataclass(frozen=True)
class Registered:
    """One resource as the program registered it."""

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    parent: str
    provider: str
    dependencies: frozenset[str]
    protect: bool
    ignore_changes: tuple[str, ...]
    delete_before_replace: bool
    retain_on_delete: bool


@dataclass
class FakeCloud(Mocks):
    """Answers what the programs ask; ids are ``<name>-id``."""

    services: tuple[str, ...] = ("compute", "network", "object-store")
    stacks: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"organization/province/thu-nghiem": {"province": PROVINCE_OUTPUT}}
    )
    asked_default_group: list[str] = field(default_factory=list)
    scoped: Callable[[str], str] = str
    """The project in which a provider of a project works."""

    def call(self, args: MockCallArgs) -> dict[str, Any]:  # type: ignore[override]
        match args.token:
            case "openstack:identity/getAuthScope:getAuthScope":
                catalog = [
                    {"type": name, "id": name, "name": name, "endpoints": []}
                    for name in self.services
                ]
                project = args.args["name"] + "-id"
                return {
                    "userId": "deployer-id",
                    "projectId": self.scoped(project),
                    "serviceCatalogs": catalog,
                }
            case "openstack:identity/getRole:getRole":
                return {"id": f"role-{args.args['name']}"}
            case "openstack:networking/getSecGroup:getSecGroup":
                self.asked_default_group.append(args.provider)
                return {"id": f"group-{args.args['name']}"}
            case "openstack:networking/getNetwork:getNetwork":
                return {"id": f"network-{args.args['name']}"}
            case "openstack:images/getImage:getImage":
                return {"id": f"image-{args.args['name']}"}
            case other:
                raise AssertionError(f"the programs do not call {other}")

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ == "pulumi:pulumi:StackReference":
            name = args.inputs["name"]
            return name, {"name": name, "outputs": self.stacks[name], "secretOutputNames": []}
        outputs = dict(args.inputs)
        if args.typ == "openstack:networking/floatingIp:FloatingIp":
            outputs["address"] = "203.0.113.10"
        if args.typ == "openstack:networking/router:Router":
            outputs["externalFixedIps"] = [
                {"subnetId": "outside", "ipAddress": address}
                for address in ("192.0.2.2", "2001:db8::2")
            ]
        return f"{args.name}-id", outputs


class RecordingMonitor(MockMonitor):
    """The SDK's mock monitor, and what it was asked with which options."""

    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.registered: list[Registered] = []
        self.exports: Mapping[str, Any] = {}

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if "::pulumi:pulumi:Stack::" in request.urn:
            self.exports = rpc.deserialize_properties(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            self.registered.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    urn=answer.urn,
                    inputs=rpc.deserialize_properties(request.object),
                    parent=request.parent,
                    provider=request.provider,
                    dependencies=frozenset(request.dependencies),
                    protect=request.protect,
                    ignore_changes=tuple(request.ignoreChanges),
                    delete_before_replace=request.deleteBeforeReplace,
                    retain_on_delete=request.retainOnDelete,
                )
            )
        return answer


@dataclass(frozen=True)
class Recording:
    """What a run of a program came to."""

    resources: tuple[Registered, ...]
    exports: Mapping[str, Any]

    def of(self, type_: str) -> dict[str, Registered]:
        """The cloud's resources of a type, told by the last part of its token, by their names."""
        return {
            r.name: r
            for r in self.resources
            if r.type.startswith("openstack:") and r.type.rsplit(":", 1)[-1] == type_
        }

    def one(self, type_: str) -> Registered:
        """The only resource of a type."""
        (found,) = self.of(type_).values()
        return found


def record(
    program: Callable[[], object],
    *,
    cloud: FakeCloud | None = None,
    project: str = "agency",
    stack: str = "so-y-te",
    preview: bool = False,
) -> Recording:
    """Run a program against a fake cloud and tell all that it registered and exported."""
    mocks = cloud or FakeCloud()
    monitor = RecordingMonitor(mocks)
    # What a program that failed left behind belongs to a loop that is closed.
    SETTINGS.rpc_manager.clear()
    SETTINGS.outputs.clear()

    def run() -> None:
        program()

    # The runner ends what a program that failed left waiting.
    with asyncio.Runner() as runner:
        runner.get_loop()
        set_mocks(mocks, project=project, stack=stack, preview=preview, monitor=monitor)
        # set_mocks leaves a stack of its own; the program gets one that collects its exports.
        set_root_resource(None)  # type: ignore[arg-type]
        # Pulumi keeps what was set in the context of whoever set it.
        runner.run(run_in_stack(run), context=contextvars.copy_context())
    return Recording(tuple(monitor.registered), monitor.exports)
