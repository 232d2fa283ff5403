"""Every type through its life, and every function, against recorded shapes of the APIs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.provider import ProviderError
from hoaban.openstack.registry import FUNCTIONS as TABLE
from hoaban.openstack.registry import RESOURCES
from tests.cloud.lifecycle import Maker, check, die, key, live
from tests.unit.openstack import recorded
from tests.unit.openstack.recorded import Case, FunctionCase, Recorded, bare

if TYPE_CHECKING:
    from hoaban.engine.values import PropertyMap
    from hoaban.openstack import OpenStackProvider
    from tests.unit.openstack.fake_services import World

TYPES = recorded.types()
FUNCTIONS = recorded.functions()
NAMED = "urn:pulumi:test::test::{}::hoaban-test-thing"


@pytest.fixture(params=sorted(TYPES))
def case(request: pytest.FixtureRequest) -> Case:
    return TYPES[request.param]


@pytest.fixture
def there(world: World, case: Case) -> Recorded:
    return Recorded(world.http, case)


def _creates(case: Case) -> tuple[str, str]:
    method = case.api.get("create", "POST")
    path = case.api.get("create_path", case.api["path"] + ("" if method == "POST" else ".*"))
    return method, path


def _sent(world: World, case: Case, method: str, path: str) -> Any:
    body = world.http.last(method, path).body
    return bare(body.get(case.api["noun"], body) if case.api.get("wrapped", True) else body)


def test_life(case: Case, there: Recorded, make: Maker, world: World) -> None:
    """Made, read, changed in place, replaced where it must be, found by its key, deleted twice."""
    made = make(case.type, case.inputs)
    method, path = _creates(case)
    if case.sent is not None:
        sent = _sent(world, case, method, path)
        if "name" not in case.inputs and "name" in sent:
            assert sent.pop("name").startswith("hoaban-test-thing-")
        assert sent == case.sent
    told = {name: made.state.outputs.get(name) for name in case.outputs}
    assert told == case.outputs
    (id_,) = list(there.objects)[-1:] or [""]
    assert made.id == case.id.format(id=id_)
    findable = not case.unfindable
    live(made, replaces=case.replaces, findable=findable)
    asked = dict(case.inputs)
    for update in case.updates:
        asked |= update["change"]
        live(made, updates={"change": update["change"]}, findable=findable)
        if "sent" in update:
            one = case.api["path"] + "/[^/]+"
            assert _sent(world, case, case.api.get("verb", "PUT"), one) == update["sent"], update
        for wanted in update.get("calls", []):
            body = world.http.last(wanted.get("method", "PUT"), wanted["path"]).body
            assert body == wanted["body"], update
    if case.lasting:
        made.delete()
        made.delete()
    else:
        die(made, make)
        assert there.objects.keys() == _given(case)


def test_creates_that_fail(
    case: Case, there: Recorded, provider: OpenStackProvider, make: Maker, world: World
) -> None:
    """Refused: told, and nothing is left. The answer lost: found again, and none made twice."""
    token = f"openstack:{case.type}"
    urn = NAMED.format(token)
    inputs = check(provider, urn, token, {}, case.inputs)
    method, path = _creates(case)
    refusal = {"error": {"message": "Policy doesn't allow this.", "code": 403}}
    world.http.fail(method, path, status=403, body=refusal)
    with pytest.raises(ProviderError, match=r"cannot create .*Policy doesn't allow this\.") as told:
        provider.create(urn, token, inputs, key=key(), timeout=None, preview=False)
    assert told.value.where is not None
    assert told.value.where.request_id == "req-f"
    assert there.objects.keys() == _given(case)

    world.http.fail(method, path, after=True)
    mark = key()
    try:
        state = provider.create(urn, token, inputs, key=mark, timeout=None, preview=False)
    except ProviderError:
        found = provider.find(urn, token, inputs, mark)
        assert found is not None or case.unfindable or case.api.get("begins")
        state = found or provider.create(  # as the engine does
            urn, token, inputs, key=mark, timeout=None, preview=False
        )
    assert len(there.objects.keys() - _given(case)) <= 1
    assert state.id == case.id.format(id=(list(there.objects) or [""])[-1])
    assert provider.diff(urn, token, state.id, state, inputs, ()).changes == {}
    if not case.lasting:
        there.objects.clear()
        provider.begin_epoch()
        assert provider.read(urn, token, state.id, state) is None, "gone is gone"


def _given(case: Case) -> set[str]:
    return {one[case.api.get("key", "id")] for one in case.api.get("given", [])}


@pytest.mark.parametrize(
    ("token", "inputs", "says"),
    [
        pytest.param(token, {**case.inputs, **one["inputs"]}, one["says"], id=f"{token}-{number}")
        for token, case in sorted(TYPES.items())
        for number, one in enumerate(case.refused)
    ],
)
def test_what_cannot_be_is_refused_before_the_first_call(
    provider: OpenStackProvider, world: World, token: str, inputs: PropertyMap, says: str
) -> None:
    given = {name: value for name, value in inputs.items() if value is not None}
    result = provider.check(NAMED.format(token), token, {}, given)
    assert any(re.search(says, f"{one.property}: {one.reason}") for one in result.failures)
    assert world.http.log == []


# --- functions ---------------------------------------------------------------------------------


@pytest.fixture(params=sorted(FUNCTIONS))
def function(request: pytest.FixtureRequest) -> FunctionCase:
    return FUNCTIONS[request.param]


def _serve(world: World, case: FunctionCase, items: list[Any]) -> None:
    def answer(*_: Any) -> Any:
        return case.body if case.body is not None else {case.plural: items}

    before = len(world.http.routes)
    for one in case.also:
        world.http.on("GET", re.escape(one["path"]), lambda *_, body=one["body"]: body)
    world.http.on("GET", re.escape(case.path), answer)
    world.http.routes[:] = [*world.http.routes[before:], *world.http.routes[:before]]


def test_function_answers(
    function: FunctionCase, provider: OpenStackProvider, world: World
) -> None:
    token = f"openstack:{function.function}"
    _serve(world, function, function.items)
    answer = provider.invoke(token, function.args)
    assert {name: answer.get(name) for name in function.answer} == function.answer
    assert set(answer) <= {spec.name for spec in TABLE[token].outputs}
    query = dict(world.http.last("GET", re.escape(function.path)).query)
    assert {name: query.get(name) for name in function.asked} == function.asked
    if function.body is None:
        _finds_nothing(function, provider, world)


def _finds_nothing(function: FunctionCase, provider: OpenStackProvider, world: World) -> None:
    """One thing is an error when it isn't there; a list is empty."""
    token = f"openstack:{function.function}"
    _serve(world, function, function.items if function.other else [])
    args = {**function.args, **(function.other or {})}
    if "ids" in function.answer:
        assert provider.invoke(token, args)["ids"] == []
        return
    with pytest.raises(ProviderError, match="the cloud has no "):
        provider.invoke(token, args)


def test_every_type_and_function_has_a_test() -> None:
    """Recorded shapes here, or a test of its own in this folder."""
    texts = "".join(
        path.read_text(encoding="utf-8") for path in recorded.CASES.parent.glob("test_*.py")
    )
    tested = {token for token in (*RESOURCES, *TABLE) if token.removeprefix("openstack:") in texts}
    assert {*RESOURCES, *TABLE} - tested - TYPES.keys() - FUNCTIONS.keys() == set()


def test_cases_are_of_types_and_functions_that_there_are() -> None:
    assert TYPES.keys() <= RESOURCES.keys()
    assert FUNCTIONS.keys() <= TABLE.keys()
