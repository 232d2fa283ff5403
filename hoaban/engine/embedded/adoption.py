"""One object as a resource: what is read of it, and what a program has to give of that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hoaban.engine.embedded import calls
from hoaban.engine.embedded.properties import (
    for_provider,
    keep_secrets,
    mark_secret,
    normalise,
    reveal,
)
from hoaban.engine.embedded.steps import top_level
from hoaban.engine.provider import PartialFailureError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.imports import ImportSpec
    from hoaban.engine.provider import CheckFailure, Provider
    from hoaban.engine.values import PropertyMap


@dataclass(slots=True)
class Adopted:
    """What was read of an object. ``given`` are the inputs that a program has to give.

    ``references`` are URNs of resources whose ids are in an input, by property and id. ``warnings``
    are for people.
    """

    resource: Resource
    given: PropertyMap = field(default_factory=dict)
    references: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def adopt(provider: Provider, wanted: Resource, spec: ImportSpec) -> Adopted:
    """Read an object into a resource; raises when it is not there, or cannot be told as inputs."""
    found = _read(provider, wanted)
    if found is None:
        raise ProviderError(
            f"there is no {wanted.type} with the id {wanted.id}",
            mend="correct the id; is it in the project that the provider works in?",
        )
    if not found.inputs:
        raise ProviderError(
            f"its provider tells no inputs of a {wanted.type} that exists",
            mend="declare it in the program with the option import_, and its inputs",
        )
    found = _hidden(provider, found)
    warnings = [f"the object is not well: {one}" for one in found.init_errors]
    if spec.properties:
        missing = [key for key in spec.properties if key not in found.inputs]
        if missing:
            warnings.append(f"the object has no {', '.join(missing)}: left out")
        kept = {
            key: value
            for key, value in found.inputs.items()
            if key in spec.properties or key.startswith("__")
        }
        found = replace(found, inputs=kept)
    found = replace(found, import_id=wanted.id if wanted.id != found.id else "")
    adopted = declared(provider, found, whole=not spec.properties)
    adopted.warnings = [*warnings, *adopted.warnings]
    return adopted


def _read(provider: Provider, wanted: Resource) -> Resource | None:
    try:
        return calls.read(provider, wanted, fresh=True)
    except PartialFailureError as error:
        return replace(calls.failed(wanted, error), inputs=normalise(error.state.inputs))


def _hidden(provider: Provider, found: Resource) -> Resource:
    """What the provider says is secret, secret, as the program's class would have it."""
    tell = getattr(provider, "secret_outputs", None)
    names = sorted(tell(found.type)) if tell is not None else []
    return replace(
        found,
        inputs=mark_secret(found.inputs, names),
        outputs=mark_secret(found.outputs, names),
        additional_secret_outputs=tuple(name for name in names if name in found.outputs),
    )


def declared(provider: Provider, found: Resource, *, whole: bool = True) -> Adopted:
    """A resource with the inputs that a program must give to declare it as it is.

    Those are left out that the provider fills in by itself, if that leads to no change. With
    ``whole`` those are added that it did not tell as inputs and without which something would
    change: a name that it would make up anew.
    """
    told = {key: value for key, value in found.inputs.items() if not key.startswith("__")}
    known = {**(found.outputs if whole else {}), **told}
    known.pop("id", None)  # an output of every resource, and an input of none
    filled = _check(provider, found, {})[0]
    given = {key: value for key, value in told.items() if _differs(filled, key, value)}
    while True:
        checked, failures = _check(provider, found, given)
        if failures:
            wrong = [one.property for one in failures]
        else:
            wrong = list(calls.diff(provider, found.urn, found, checked).changes)
        missing = {top_level(path) for path in wrong} - given.keys()
        more = {key: known[key] for key in known if key in missing and known[key] is not None}
        if not more:
            break
        given |= more
    added = {key: value for key, value in given.items() if key not in told}
    found = replace(found, inputs={**found.inputs, **added})
    if failures:
        what = "an input of the object is refused, so the program's text needs a hand: "
        return Adopted(found, given, warnings=[what + _reason(one) for one in failures])
    changed = f"the program's text differs from the object in: {', '.join(wrong)}"
    return Adopted(found, given, warnings=[changed] if wrong else [])


def ids_in(key: str, value: object, owners: Mapping[str, str], own: str) -> dict[str, str]:
    """URNs of the resources whose ids a property's value holds, by id. A name is nobody's id."""
    if isinstance(value, str):
        urn = owners.get(value)
        return {value: urn} if urn and urn != own and key != "name" else {}
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = [(key, item) for item in value]  # type: ignore[assignment]
    else:
        return {}
    found: dict[str, str] = {}
    for name, item in pairs:
        found |= ids_in(name, item, owners, own)
    return found


def _check(
    provider: Provider, found: Resource, inputs: PropertyMap
) -> tuple[PropertyMap, Sequence[CheckFailure]]:
    """Inputs with the provider's defaults, and what it refuses."""
    olds, news = (for_provider(one, urn=found.urn) for one in (found.inputs, inputs))
    result = provider.check(found.urn, found.type, olds, news)
    return keep_secrets(normalise(result.inputs), inputs), result.failures


def _reason(failure: CheckFailure) -> str:
    return f"{failure.property}: {failure.reason}" if failure.property else failure.reason


def _differs(filled: PropertyMap, key: str, value: object) -> bool:
    return key not in filled or filled[key] != reveal(value)
