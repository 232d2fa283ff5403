"""The provider of the package ``pulumi`` itself: references to other stacks, looks at this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hoaban.engine.embedded.backend import ORGANIZATION, StackName
from hoaban.engine.embedded.properties import UNKNOWN_STRING
from hoaban.engine.embedded.urns import STACK_REFERENCE_TYPE
from hoaban.engine.provider import CheckResult, DiffResult, ResourceState
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.values import PropertyMap

_FULL = 3  # organization, project, stack


def parse_reference(text: str, project: str) -> StackName:
    """A stack as programs name it: ``organization/project/stack``, or ``stack`` of this project."""
    parts = text.split("/")
    if len(parts) == 1 and parts[0]:
        return StackName(project, parts[0])
    if len(parts) == _FULL and parts[0] == ORGANIZATION and all(parts):
        return StackName(parts[1], parts[2])
    raise HoabanError(
        f"{text!r} is not the name of a stack of this backend",
        mend=f"write {ORGANIZATION}/<project>/<stack>",
    )


class BuiltinProvider:
    """Reads stack references from the backend, and resources of this stack from its state."""

    package = "pulumi"

    def __init__(
        self,
        project: str,
        outputs_of: Callable[[StackName], Mapping[str, object] | None],
        find: Callable[[str], Resource | None],
    ) -> None:
        self._project = project
        self._outputs_of = outputs_of
        self._find = find

    def check_config(self, inputs: PropertyMap) -> CheckResult:
        """It has no configuration."""
        return CheckResult(inputs)

    def diff_config(self, olds: PropertyMap, news: PropertyMap) -> DiffResult:  # noqa: ARG002
        """It has no configuration."""
        return DiffResult()

    def configure(self, inputs: PropertyMap, *, preview: bool) -> None:
        """It has no configuration."""

    def check(self, urn: str, token: str, olds: PropertyMap, news: PropertyMap) -> CheckResult:  # noqa: ARG002
        """Take inputs as they are."""
        self._known(token)
        return CheckResult(news)

    def diff(
        self,
        urn: str,  # noqa: ARG002
        token: str,
        id_: str,  # noqa: ARG002
        state: ResourceState,  # noqa: ARG002
        news: PropertyMap,  # noqa: ARG002
        ignore_changes: Sequence[str],  # noqa: ARG002
    ) -> DiffResult:
        """A reference is read anew each time; it never differs."""
        self._known(token)
        return DiffResult()

    def create(
        self,
        urn: str,
        token: str,
        inputs: PropertyMap,
        *,
        key: str,  # noqa: ARG002
        timeout: float | None,  # noqa: ARG002
        preview: bool,  # noqa: ARG002
    ) -> ResourceState:
        """A stack reference of an old SDK, which registers it in place of reading it."""
        self._known(token)
        found = self.read(urn, token, str(inputs.get("name", "")), None)
        assert found is not None  # noqa: S101 (read raises for a stack that is not there)
        return found

    def update(
        self,
        urn: str,
        token: str,
        id_: str,
        state: ResourceState,  # noqa: ARG002
        news: PropertyMap,  # noqa: ARG002
        *,
        timeout: float | None,  # noqa: ARG002
        preview: bool,  # noqa: ARG002
    ) -> ResourceState:
        """Read it again."""
        found = self.read(urn, token, id_, None)
        assert found is not None  # noqa: S101 (read raises for a stack that is not there)
        return found

    def read(
        self,
        urn: str,  # noqa: ARG002
        token: str,
        id_: str,
        state: ResourceState | None,  # noqa: ARG002
    ) -> ResourceState | None:
        """Outputs of the stack that ``id_`` names."""
        self._known(token)
        name = parse_reference(id_, self._project)
        outputs = self._outputs_of(name)
        if outputs is None:
            raise HoabanError(
                f"stack {name} has no state yet, and this program refers to it",
                mend=f"provision {name} first",
            )
        secret = sorted(key for key, value in outputs.items() if _secret(value))
        inputs = {"name": id_}
        return ResourceState(
            id_, {"name": id_, "outputs": dict(outputs), "secretOutputNames": secret}, inputs
        )

    def find(self, urn: str, token: str, inputs: PropertyMap, key: str) -> ResourceState | None:  # noqa: ARG002
        """It makes nothing that could be left behind."""
        return None

    def delete(
        self, urn: str, token: str, id_: str, state: ResourceState, *, timeout: float | None
    ) -> None:
        """There is nothing to delete."""

    def invoke(self, token: str, args: PropertyMap) -> PropertyMap:
        """``pulumi:pulumi:getResource``: a resource of this stack by its URN."""
        if token != "pulumi:pulumi:getResource":  # noqa: S105 (a type token)
            raise HoabanError(
                f"the function {token} is not supported by the embedded engine",
                mend="use the pulumi command for this stack, or do without it",
            )
        urn = str(args.get("urn", ""))
        found = self._find(urn)
        if found is None:
            raise HoabanError(f"there is no resource {urn}", mend="register it before")
        id_ = "" if found.id == UNKNOWN_STRING else found.id
        return {"urn": urn, "id": id_, "state": found.outputs}

    def cancel(self) -> None:
        """Nothing here takes time."""

    @staticmethod
    def _known(token: str) -> None:
        if token != STACK_REFERENCE_TYPE:
            raise HoabanError(
                f"resources of type {token} are not supported by the embedded engine",
                mend="use the pulumi command for this stack, or do without them",
            )


def _secret(value: Any) -> bool:
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(map(_secret, value.values()))
    return isinstance(value, list) and any(map(_secret, value))
