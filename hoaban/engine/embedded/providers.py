"""Providers in use by one operation: one instance for each provider resource, configured once."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hoaban.engine.embedded import calls
from hoaban.engine.embedded.defaults import is_default
from hoaban.engine.embedded.properties import (
    UNKNOWN_STRING,
    contains_unknown,
    for_provider,
)
from hoaban.engine.embedded.urns import package_of, provider_urn
from hoaban.engine.values import UNKNOWN
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.provider import DiffResult, Provider
    from hoaban.engine.values import PropertyMap

    ProviderFactory = Callable[[str, str], Provider]

# Properties of a provider resource that are for the engine: where to get the provider.
_ENGINE_PROPERTIES: Final = frozenset({"version", "pluginDownloadURL", "__internal"})
_ENVIRONMENT_LOCK = threading.Lock()


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables set for as long as the block lasts; one such block at a time in a process."""
    with _ENVIRONMENT_LOCK:
        before = {key: os.environ.get(key) for key in values}
        os.environ.update(values)
        try:
            yield
        finally:
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value


class Registry:
    """Makes, configures and hands out providers. Safe to use from several threads.

    ``variables`` are added to the environment while a provider is configured, which is when cloud
    clients read it.
    """

    def __init__(
        self,
        factory: ProviderFactory,
        olds: Sequence[Resource],
        *,
        variables: Mapping[str, str],
        preview: bool,
    ) -> None:
        self._factory = factory
        self._variables = variables
        self._preview = preview
        self._resources = {f"{one.urn}::{one.id}": one for one in olds}
        self._providers: dict[str, Provider] = {}
        self._waiting: set[str] = set()
        self._bare: dict[tuple[str, str], Provider] = {}
        self._lock = threading.RLock()

    def get(self, reference: str) -> Provider:
        """The configured provider of a reference (``<urn>::<id>``); old ones are made on demand."""
        with self._lock:
            found = self._providers.get(reference)
            if found is None:
                resource = self._resources.get(reference)
                if resource is None:
                    raise HoabanError(
                        f"there is no provider {provider_urn(reference)}",
                        where=Location(urn=provider_urn(reference)),
                        mend="register the provider before the resources that use it",
                    )
                found = self._configured(resource)
            return found

    def _configured(self, resource: Resource) -> Provider:
        # One that only checked configurations so far may be a process, which is slow to start.
        bare = self._bare.pop(_kind(resource.type, resource.inputs), None)
        provider = bare or self._make(resource)
        inputs = for_provider(_settings(resource.inputs), urn=resource.urn)
        if f"{resource.urn}::{resource.id}" in self._waiting and not contains_unknown(inputs):
            inputs = dict.fromkeys(inputs, UNKNOWN)
        with environment({**self._variables, **self._mapped(resource)}):
            provider.configure(inputs, preview=self._preview)
        self._providers[f"{resource.urn}::{resource.id}"] = provider
        return provider

    def _mapped(self, resource: Resource) -> dict[str, str]:
        """Variables of a provider's own (``env_var_mappings``), by the name it looks for."""
        mappings = resource.inputs.get("__internal", {}).get("envVarMappings", {})
        known = {**os.environ, **self._variables}
        return {target: known[source] for source, target in mappings.items() if source in known}

    def _make(self, resource: Resource) -> Provider:
        return self._factory(*_kind(resource.type, resource.inputs))

    def _unconfigured(self, type_: str, inputs: PropertyMap) -> Provider:
        """A provider that only checks and compares configurations."""
        key = _kind(type_, inputs)
        with self._lock:
            if key not in self._bare:
                self._bare[key] = self._factory(*key)
            return self._bare[key]

    def check(self, urn: str, type_: str, news: PropertyMap) -> PropertyMap:
        """A provider resource's inputs, checked by the provider itself."""
        own = _settings(news)
        provider = self._unconfigured(type_, news)
        with environment(self._variables):
            result = provider.check_config(for_provider(own, urn=urn))
        kept = {key: value for key, value in news.items() if key in _ENGINE_PROPERTIES}
        return {**calls.accept(urn, result, own), **kept}

    def diff(self, urn: str, old: Resource, inputs: PropertyMap) -> DiffResult:
        """How a new configuration differs from an old one."""
        return self._unconfigured(old.type, inputs).diff_config(
            for_provider(_settings(old.inputs), urn=urn),
            for_provider(_settings(inputs), urn=urn),
        )

    def provider_changed(self, old: Resource, reference: str) -> bool:
        """Whether a resource that is now served by another provider must be made anew.

        Between two default providers (a new version of the package) only if the configurations
        point elsewhere; between others always.
        """
        if not old.provider or old.provider == reference:
            return False
        before, after = self._resources.get(old.provider), self._resources.get(reference)
        if before is None or after is None:
            return True
        if not (is_default(before.urn) and is_default(after.urn)):
            return True
        return bool(self.diff(after.urn, before, after.inputs).replaces)

    def make(self, resource: Resource, *, waits: bool = False) -> Resource:
        """A provider resource with an id of its own, ready for use.

        In a preview one that ``waits`` for what is yet to be made (the role without which its
        log-in is refused) asks the cloud nothing: what it would read is unknown.
        """
        new = replace(resource, id=UNKNOWN_STRING if self._preview else str(uuid.uuid4()))
        if waits:
            self._waiting.add(f"{new.urn}::{new.id}")
        return self.adopt(new)

    def adopt(self, resource: Resource) -> Resource:
        """Take a provider resource into use with the inputs it has now."""
        outputs = {key: value for key, value in resource.inputs.items() if key != "__internal"}
        resource = replace(resource, outputs=outputs)
        reference = f"{resource.urn}::{resource.id}"
        with self._lock:
            self._resources[reference] = resource
            self._providers.pop(reference, None)
        return resource

    def cancel(self) -> None:
        """Ask all calls under way to stop soon."""
        with self._lock:
            providers = list(self._providers.values())
        for provider in providers:
            provider.cancel()


class ResourceDiffer:
    """Asks the provider that serves an old resource how new inputs differ from it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def diff(self, old: Resource, inputs: PropertyMap) -> DiffResult:
        """The difference; inputs may hold unknowns."""
        return calls.diff(self._registry.get(old.provider), old.urn, old, inputs)


def _kind(type_: str, inputs: PropertyMap) -> tuple[str, str]:
    """Package and version of a provider resource."""
    return package_of(type_), str(inputs.get("version") or "")


def _settings(inputs: PropertyMap) -> PropertyMap:
    return {key: value for key, value in inputs.items() if key not in _ENGINE_PROPERTIES}
