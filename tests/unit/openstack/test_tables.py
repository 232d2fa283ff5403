"""The tables say of every type what the classes of ``pulumi_openstack`` say.

Those classes are generated from the official provider's schema, so they are the contract.
"""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.values import UNKNOWN
from hoaban.openstack.registry import FUNCTIONS, RESOURCES
from hoaban.openstack.schema import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[3] / "docs" / "provider-types.md"
KINDS = {str: Kind.STRING, int: Kind.INTEGER, float: Kind.NUMBER, bool: Kind.BOOLEAN}


def _sdk(token: str) -> Any:
    """The class (or function) of a token: ``openstack:networking/port:Port``."""
    _, module, name = token.split(":")
    module = module.split("/")[0]
    package = importlib.import_module(f"pulumi_openstack.{module}".removesuffix(".index"))
    return getattr(package, name if token in RESOURCES else _snake(name))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _input_names(cls: type) -> dict[str, str]:
    """Input names of a type, Python's to Pulumi's."""
    arguments = inspect.signature(cls._internal_init).parameters  # type: ignore[attr-defined]
    ours = set(arguments) - {"__self__", "resource_name", "opts", "__props__"}
    found = {}
    for python_name in ours:
        name = python_name.removesuffix("_")  # resource_name is the resource's own
        prop = vars(cls).get(name)
        assert prop is not None, (cls, python_name)
        found[name] = _pulumi_name(prop)
    return found


def _pulumi_name(prop: Any) -> str:
    return str(prop.fget._pulumi_name) if isinstance(prop, property) else str(prop)


@pytest.fixture(params=sorted(RESOURCES))
def token(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_inputs_and_outputs_are_the_sdks(token: str) -> None:
    cls, kind = _sdk(token), RESOURCES[token]
    inputs = set(_input_names(cls).values())
    outputs = {_pulumi_name(prop) for prop in vars(cls).values() if isinstance(prop, property)}
    assert {spec.name for spec in kind.fields if not spec.output} == inputs
    assert {spec.name for spec in kind.fields} == outputs


def test_required_inputs_are_the_sdks(token: str) -> None:
    cls = _sdk(token)
    arguments = importlib.import_module(cls.__module__)
    args_class = getattr(arguments, f"{cls.__name__}Args")
    parameters = inspect.signature(args_class.__init__).parameters
    needed = {
        name
        for name, parameter in parameters.items()
        if parameter.default is inspect.Parameter.empty and name != "__self__"
    }
    names = _input_names(cls)
    ours = {spec.name for spec in RESOURCES[token].fields if spec.required}
    assert ours == {names[name] for name in needed}


def test_kinds_are_the_sdks(token: str) -> None:
    cls = _sdk(token)
    specs = {spec.name: spec for spec in RESOURCES[token].fields}
    for prop in vars(cls).values():
        if isinstance(prop, property):
            spec = specs[_pulumi_name(prop)]
            told = typing.get_type_hints(prop.fget, vars(importlib.import_module(cls.__module__)))
            (inner,) = typing.get_args(told["return"]) or (told["return"],)
            _same_kind(f"{token}.{spec.name}", spec, inner)


def _same_kind(where: str, spec: Field, told: Any) -> None:
    told = _without_none(told)
    origin = typing.get_origin(told)
    if told in KINDS:
        assert spec.kind is KINDS[told], where
    elif origin is not None and issubclass(origin, typing.cast("type", typing.Mapping)):
        assert spec.kind is Kind.MAP, where
    elif origin is not None:
        assert spec.kind in (Kind.LIST, Kind.SET), where
        (item,) = typing.get_args(told)
        item = _without_none(item)
        if isinstance(item, type) and item not in KINDS:
            assert spec.element is Kind.OBJECT, where
            _same_fields(where, spec, item)
    else:
        assert spec.kind is Kind.OBJECT, where
        _same_fields(where, spec, told)


def _same_fields(where: str, spec: Field, told: type) -> None:
    names = {_pulumi_name(prop) for prop in vars(told).values() if isinstance(prop, property)}
    assert {inner.name for inner in spec.fields} == names, where


def _without_none(told: Any) -> Any:
    inner = [one for one in typing.get_args(told) if one is not type(None)]
    union = typing.get_origin(told) is typing.Union or type(told).__name__ == "UnionType"
    return inner[0] if union else told


def test_secrets_are_the_sdks(token: str) -> None:
    source = inspect.getsource(_sdk(token)._internal_init)
    told = re.search(r"additional_secret_outputs=\[([^\]]*)\]", source)
    names = set(re.findall(r'"(\w+)"', told.group(1))) if told else set()
    assert set(RESOURCES[token].secret_names) == names


def test_replacements_are_what_the_sdk_tells(token: str) -> None:
    """The documentation of a property says when its change needs a new object."""
    cls = _sdk(token)
    specs = {spec.name: spec for spec in RESOURCES[token].fields}
    for prop in vars(cls).values():
        if not isinstance(prop, property):
            continue
        said = " ".join((prop.__doc__ or "").split())
        spec = specs[_pulumi_name(prop)]
        if spec.output or (token, spec.name) in SDK_SAYS_OTHERWISE:
            continue
        if re.search(r"Changing (this|it|the \w+) (will )?(create|result)s? (in )?a new", said):
            assert spec.replaces, f"{token}.{spec.name}: {said}"
        elif re.search(r"[Cc]hanging (this|it) updates", said):
            assert not spec.replaces, f"{token}.{spec.name}: {said}"


# Where the SDK's text and the official provider's schema differ, the schema holds.
SDK_SAYS_OTHERWISE = {
    ("openstack:compute/instance:Instance", "blockDevices"),  # its parts do, each by itself
    ("openstack:networking/network:Network", "transparentVlan"),
    ("openstack:loadbalancer/pool:Pool", "persistence"),
}


@pytest.mark.parametrize("token_of", sorted(FUNCTIONS))
def test_functions_are_the_sdks(token_of: str) -> None:
    call: Callable[..., Any] = _sdk(token_of)
    module = inspect.getmodule(call)
    name = token_of.rpartition(":")[2]
    result = getattr(module, f"{name[0].upper()}{name[1:]}Result")
    told = {_pulumi_name(prop) for prop in vars(result).values() if isinstance(prop, property)}
    assert {spec.name for spec in FUNCTIONS[token_of].outputs} == told
    source = inspect.getsource(call)
    arguments = set(re.findall(r"__args__\['(\w+)'\]", source))
    assert {spec.name for spec in FUNCTIONS[token_of].inputs} == arguments


@pytest.mark.parametrize("token_of", sorted(FUNCTIONS))
def test_kinds_of_answers_are_the_sdks(token_of: str) -> None:
    module = inspect.getmodule(_sdk(token_of))
    name = token_of.rpartition(":")[2]
    result = getattr(module, f"{name[0].upper()}{name[1:]}Result")
    specs = {spec.name: spec for spec in FUNCTIONS[token_of].outputs}
    for prop in vars(result).values():
        if isinstance(prop, property):
            spec = specs[_pulumi_name(prop)]
            told = typing.get_type_hints(prop.fget, vars(module))["return"]
            _same_kind(f"{token_of}.{spec.name}", spec, told)


def test_unknown_answers_have_all_outputs() -> None:
    for function in FUNCTIONS.values():
        answer = function.unknown({})
        assert answer.keys() == {spec.name for spec in function.outputs}
        assert all(value is UNKNOWN for value in answer.values())


def test_every_type_and_function_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    missing = [name for name in (*RESOURCES, *FUNCTIONS) if f"`{name}`" not in text]
    assert missing == []


def test_documentation_names_nothing_else() -> None:
    text = DOCS.read_text(encoding="utf-8")
    named = set(re.findall(r"`(openstack:[\w/]+:\w+)`", text))
    assert named == {*RESOURCES, *FUNCTIONS}
