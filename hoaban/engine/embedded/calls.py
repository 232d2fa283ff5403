"""Calls to a provider about one resource: engine's values in, provider's out, and back.

A provider sees no secrets, so they are taken apart before each call, and what comes back is secret
wherever what went in was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hoaban.engine.embedded.properties import (
    for_provider,
    keep_secrets,
    mark_secret,
    normalise,
)
from hoaban.engine.provider import DiffKind, DiffResult, ResourceState
from hoaban.errors import HoabanError, Location

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.provider import CheckResult, PartialFailureError, Provider
    from hoaban.engine.values import PropertyMap


def is_plugin(provider: Provider) -> bool:
    """Whether it is one in another process, which cannot find by a key what it made."""
    return not getattr(provider, "finds", True)


def told(resource: Resource) -> ResourceState:
    """A resource as its provider is told of it."""
    return ResourceState(
        resource.id,
        for_provider(resource.outputs, urn=resource.urn),
        for_provider(resource.inputs, urn=resource.urn),
        resource.init_errors,
    )


def answered(resource: Resource, state: ResourceState) -> Resource:
    """A resource with the id and outputs that a provider answered."""
    outputs = keep_secrets(normalise(state.outputs), resource.inputs)
    outputs = mark_secret(outputs, resource.additional_secret_outputs)
    return replace(
        resource,
        id=state.id,
        outputs=outputs,
        refresh_before_update=state.refresh_before_update,
    )


def failed(resource: Resource, error: PartialFailureError) -> Resource:
    """A resource that exists but is not as asked, with the reason."""
    return replace(answered(resource, error.state), init_errors=(error.what,))


def accept(urn: str, result: CheckResult, news: PropertyMap) -> PropertyMap:
    """Checked inputs, or one error that names every failure."""
    if not result.failures:
        return keep_secrets(normalise(result.inputs), news)
    reasons = [
        f"{one.property}: {one.reason}" if one.property else one.reason for one in result.failures
    ]
    raise HoabanError(
        f"inputs are refused: {'; '.join(reasons)}",
        where=Location(urn=urn, key=result.failures[0].property or None),
        mend="correct the inputs of this resource in the program",
    )


def check(
    provider: Provider, urn: str, token: str, olds: PropertyMap, news: PropertyMap
) -> PropertyMap:
    """Inputs with the provider's defaults, or an error that says what is wrong with them."""
    result = provider.check(urn, token, for_provider(olds, urn=urn), for_provider(news, urn=urn))
    return accept(urn, result, news)


def diff(
    provider: Provider,
    urn: str,
    old: Resource,
    inputs: PropertyMap,
    ignore_changes: Sequence[str] = (),
) -> DiffResult:
    """How new inputs differ from a resource's state."""
    news = for_provider(inputs, urn=urn)
    return provider.diff(urn, old.type, old.id, told(old), news, ignore_changes)


def moved() -> DiffResult:
    """The difference of a resource that another provider serves from now on."""
    return DiffResult({"provider": DiffKind.UPDATE_REPLACE})


def create(provider: Provider, new: Resource, *, key: str, preview: bool) -> Resource:
    """Make a resource."""
    state = provider.create(
        new.urn,
        new.type,
        for_provider(new.inputs, urn=new.urn),
        key=key,
        timeout=new.custom_timeouts.create or None,
        preview=preview,
    )
    return answered(new, state)


def update(provider: Provider, old: Resource, new: Resource, *, preview: bool) -> Resource:
    """Change a resource in place."""
    state = provider.update(
        new.urn,
        new.type,
        old.id,
        told(old),
        for_provider(new.inputs, urn=new.urn),
        timeout=new.custom_timeouts.update or None,
        preview=preview,
    )
    return answered(new, state)


def delete(provider: Provider, old: Resource) -> None:
    """Delete a resource."""
    timeout = old.custom_timeouts.delete or None
    provider.delete(old.urn, old.type, old.id, told(old), timeout=timeout)


def read(provider: Provider, resource: Resource, *, fresh: bool) -> Resource | None:
    """A resource as the cloud has it, None when it is gone.

    ``fresh`` reads one that the state does not know yet. Inputs the provider answers take the place
    of those in the state, and stay secret where those were.
    """
    known: ResourceState | None = told(resource)
    if fresh:
        # A plugin may need the inputs to know what to read: a dynamic provider is in them.
        known = replace(told(resource), outputs={}) if is_plugin(provider) else None
    state = provider.read(resource.urn, resource.type, resource.id, known)
    return None if state is None else seen(resource, state)


def seen(resource: Resource, state: ResourceState) -> Resource:
    """A resource as its provider saw it, with the inputs that say so."""
    found = answered(resource, state)
    if state.inputs:
        inputs = keep_secrets(normalise(state.inputs), resource.inputs)
        found = replace(found, inputs=inputs)
    return found


def find(provider: Provider, wanted: Resource, key: str) -> Resource | None:
    """What an interrupted create of ``wanted`` left behind, with the inputs it was made with."""
    inputs = for_provider(wanted.inputs, urn=wanted.urn)
    state = provider.find(wanted.urn, wanted.type, inputs, key)
    if state is None:
        return None
    found = answered(wanted, state)
    return replace(found, inputs=normalise(state.inputs)) if state.inputs else found
