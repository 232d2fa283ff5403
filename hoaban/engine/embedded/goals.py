"""Requests of a program, as goals; what the embedded engine does not do is refused by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from hoaban.engine.embedded.failures import PROJECT_SCHEME
from hoaban.engine.embedded.hooks import bound
from hoaban.engine.embedded.state import Timeouts
from hoaban.engine.embedded.steps import Goal
from hoaban.engine.embedded.urns import is_provider, make_urn
from hoaban.engine.embedded.wire import from_struct, from_value
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.values import PropertyMap

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}

# Fields of a registration that ask for what this engine does not do, and how people call that.
_REFUSED: Final = {
    "packageRef": "parameterized packages",
    "state_migrations": "state migrations",
    "pluginDownloadURL": "plugin_download_url",
}


def refuse(what: str, urn: str = "") -> HoabanError:
    """The error for something that the official engine does and this one does not."""
    return HoabanError(
        f"{what}: not supported by the embedded engine",
        where=Location(urn=urn) if urn else None,
        mend="use the pulumi command for this stack, or do without it",
    )


def seconds(text: str) -> float:
    """A duration as Go writes it (``1h30m``), in seconds."""
    parts = _DURATION.findall(text)
    if not text or "".join(number + unit for number, unit in parts) != text:
        raise HoabanError(f"not a duration: {text!r}", mend="write it like 90s, 10m or 1h30m")
    return sum(float(number) * float(_UNITS[unit]) for number, unit in parts)


def _timeouts(request: Any) -> Timeouts:
    if not request.HasField("customTimeouts"):
        return Timeouts()
    given = request.customTimeouts
    names = ("create", "update", "delete", "read")
    return Timeouts(
        **{name: seconds(getattr(given, name)) for name in names if getattr(given, name)}
    )


class GoalReader:
    """Turns requests into goals for one stack; ``folder`` is the program's."""

    def __init__(self, name: StackName, folder: Path) -> None:
        self._name = name
        self._folder = folder

    def urn(self, request: Any) -> str:
        """The URN of what a request is about."""
        name = self._name
        return make_urn(name.stack, name.project, request.parent, request.type, request.name)

    def registration(self, request: Any, provider: str) -> Goal:
        """The goal of a ``RegisterResourceRequest``."""
        urn = self.urn(request)
        for field, called in _REFUSED.items():
            if getattr(request, field):
                raise refuse(called, urn)
        dependencies = request.propertyDependencies
        return Goal(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            inputs=self._inputs(request, urn),
            parent=request.parent,
            provider=provider,
            dependencies=tuple(sorted(set(request.dependencies))),
            property_dependencies={key: sorted(dependencies[key].urns) for key in dependencies},
            protect=request.protect,
            ignore_changes=tuple(request.ignoreChanges),
            delete_before_replace=(
                request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
            ),
            replace_on_changes=tuple(request.replaceOnChanges),
            aliases=tuple(self._aliases(request)),
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            custom_timeouts=_timeouts(request),
            retain_on_delete=request.retainOnDelete,
            deleted_with=request.deletedWith,
            replace_with=tuple(request.replace_with),
            replacement_trigger=(
                from_value(request.replacement_trigger, self._folder)
                if request.HasField("replacement_trigger")
                else None
            ),
            import_id=request.importId,
            hide_diff=tuple(request.hideDiffs),
            source_position=self._source(request),
            hooks=bound(request),
        )

    def reading(self, request: Any, provider: str) -> Goal:
        """The goal of a ``ReadResourceRequest``."""
        if request.packageRef:
            raise refuse("parameterized packages", self.urn(request))
        return Goal(
            urn=self.urn(request),
            type=request.type,
            name=request.name,
            custom=True,
            inputs=from_struct(request.properties, self._folder),
            parent=request.parent,
            provider=provider,
            dependencies=tuple(sorted(set(request.dependencies))),
            additional_secret_outputs=tuple(request.additionalSecretOutputs),
            source_position=self._source(request),
        )

    def _inputs(self, request: Any, urn: str) -> PropertyMap:
        """A resource's inputs; a provider's hold, for the engine, what its environment is to be."""
        inputs = from_struct(request.object, self._folder)
        if not request.envVarMappings:
            return inputs
        if not is_provider(request.type):
            raise HoabanError(
                "env_var_mappings is an option of providers only",
                where=Location(urn=urn),
                mend="give it to the provider that this resource uses",
            )
        mappings = {"envVarMappings": dict(request.envVarMappings)}
        return {**inputs, "__internal": {**inputs.get("__internal", {}), **mappings}}

    def _aliases(self, request: Any) -> list[str]:
        urns = list(request.aliasURNs)
        for alias in request.aliases:
            if alias.WhichOneof("alias") == "urn":
                urns.append(alias.urn)
                continue
            spec = alias.spec
            parent = "" if spec.noParent else (spec.parentUrn or request.parent)
            urns.append(
                make_urn(
                    spec.stack or self._name.stack,
                    spec.project or self._name.project,
                    parent,
                    spec.type or request.type,
                    spec.name or request.name,
                )
            )
        return list(dict.fromkeys(urns))

    def _source(self, request: Any) -> str:
        """Where the program made the resource, relative to its folder as the state has it."""
        if not request.HasField("sourcePosition"):
            return ""
        position = request.sourcePosition
        path = unquote(urlsplit(position.uri).path)
        relative = self._relative(path)
        return f"{PROJECT_SCHEME}{quote(relative)}#{position.line}"

    def _relative(self, path: str) -> str:
        import os  # noqa: PLC0415 (pathlib cannot climb before 3.12)

        return os.path.relpath(path, self._folder)
