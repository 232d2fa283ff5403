"""Functions of the program that the engine calls back: transforms and hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.engine.provider import PartialFailureError, ProviderError, ResourceState
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from tests.engine.conftest import Lab

TRANSFORMS = """
from pulumi import ResourceTransformResult as Result

def tell(mark):
    def transform(args):
        if args.type_ != "fake:index:Thing":
            return None
        seen = args.props.get("seen", "")
        return Result({**args.props, "seen": seen + mark}, args.opts)
    return transform

def guard(args):
    if args.name != "leaf":
        return None
    args.opts.protect = True
    args.opts.depends_on = [base]
    args.opts.ignore_changes = ["size"]
    return Result({**args.props, "password": Output.secret("hush"), "gone": None}, args.opts)

def find(args):
    return pulumi.InvokeTransformResult({**args.args, "name": "found"}, args.opts)

base = Thing("base")
pulumi.runtime.register_resource_transform(tell("3"))
pulumi.runtime.register_invoke_transform(find)
outer = Group("outer", Opts(transforms=[tell("2")]))
inner = Group("inner", Opts(parent=outer))
Thing("leaf", Opts(parent=inner, transforms=[tell("1"), guard]), size=1, gone=base.id)
export("image", pulumi.runtime.invoke("fake:index:getImage", {"name": "asked"}).value["id"])
"""


def test_transforms(lab: Lab) -> None:
    """Of the resource, its parents, the stack, of functions; secrets and options go both ways."""
    lab.preview(TRANSFORMS)
    assert lab.cloud.things == {}
    result = lab.up()
    assert result.outputs["image"] == "found-id"
    leaf = lab.resources()["leaf"]
    base = lab.resources()["base"]
    assert lab.cloud.by_name("leaf").properties["seen"] == "123"
    assert lab.cloud.by_name("leaf").properties["password"] == "hush"
    assert "hush" not in lab.checkpoint_file.read_text()
    assert "seen" not in base["inputs"]
    assert leaf["protect"]
    assert leaf["ignoreChanges"] == ["size"]
    assert leaf["dependencies"] == [base["urn"]]
    assert "gone" not in leaf.get("propertyDependencies", {})
    assert not lab.up().changed


def test_a_transform_that_fails(lab: Lab) -> None:
    program = """
    def broken(args):
        raise ValueError("no such zone")
    Thing("a", Opts(transforms=[broken]))
    """
    with pytest.raises(HoabanError, match="a transform of a failed: no such zone") as caught:
        lab.up(program)
    assert "__main__.py" in str(caught.value.detail)
    assert lab.cloud.things == {}


HOOKS = """
def shown(value):
    return value if isinstance(value, str) else value["size"]

def say(args, *names):
    told = [f"{name}={shown(getattr(args, name))}" for name in names]
    pulumi.log.info(" ".join(["HOOK", args.name, *told]))

def hook(name, *names, **options):
    opts = pulumi.ResourceHookOptions(**options)
    return pulumi.ResourceHook(name, lambda args: say(args, *names), opts)

everywhere = hook("everywhere", on_dry_run=True)
bound = pulumi.ResourceHookBinding(
    before_create=[everywhere, hook("bc", "id", "new_inputs")],
    after_create=[hook("ac", "id")],
    before_update=[hook("bu", "old_inputs", "new_inputs")],
    after_update=[hook("au", "id")],
    before_delete=[hook("bd", "id", "old_inputs")],
    after_delete=[hook("ad")],
)
"""


def heard(lab: Lab) -> list[str]:
    return [text.removeprefix("HOOK ").rstrip() for text in lab.messages() if "HOOK" in text]


def test_hooks(lab: Lab) -> None:
    make = HOOKS + 'Thing("a", Opts(hooks=bound), size=%d)\n'
    lab.preview(make % 1)
    assert heard(lab) == ["a"]
    lab.up()
    assert heard(lab) == ["a", "a id= new_inputs=1.0", "a id=thing-1"]
    assert lab.checkpoint["features"] == ["hooks"]
    hooks = lab.resources()["a"]["resourceHooks"]
    assert hooks["before_create"] == ["everywhere", "bc"]
    lab.up(make % 2)
    assert heard(lab) == ["a old_inputs=1.0 new_inputs=2.0", "a id=thing-1"]
    lab.up()
    assert heard(lab) == []
    # The program keeps its hooks for as long as deletes need them.
    lab.up(HOOKS)
    assert heard(lab) == ["a id=thing-1 old_inputs=2.0", "a"]
    assert lab.cloud.things == {}
    assert lab.checkpoint["version"] == 3


def test_hooks_of_a_stack_that_is_destroyed(lab: Lab) -> None:
    """Its program is run for its hooks; what it would add is not made."""
    lab.up(HOOKS + 'Thing("b", a=Thing("a", Opts(hooks=bound), size=1).id)\n')
    lab.program(HOOKS + 'Thing("c", a=Thing("a", Opts(hooks=bound), size=7).id)\n')
    lab.run("destroy")
    assert [text for text in heard(lab) if text.startswith("a id=")]
    assert heard(lab)[-1] == "a"
    assert lab.cloud.things == {}
    assert lab.resources() == {}
    assert "c" not in lab.cloud.names("create")


def test_a_delete_hook_that_the_program_no_longer_has(lab: Lab) -> None:
    lab.up(HOOKS + 'Thing("a", Opts(hooks=bound), size=1)\n')
    with pytest.raises(HoabanError, match="does not have the hook bd"):
        lab.up("")
    assert len(lab.cloud.things) == 1
    assert "a" in lab.resources()


@pytest.mark.parametrize(
    ("bound", "made", "error"),
    [
        ("before_create=[bad]", 0, True),
        ("after_create=[bad]", 1, True),
        ("after_create=[mild]", 1, False),
    ],
)
def test_hooks_that_fail(lab: Lab, bound: str, made: int, error: bool) -> None:
    """What was made stays in the state, whatever its hooks come to."""
    lab.program(f"""
    def fail(args):
        raise ValueError("the pager is down")
    bad = pulumi.ResourceHook("bad", fail)
    mild = pulumi.ResourceHook("mild", fail, pulumi.ResourceHookOptions(ignore_errors=True))
    Thing("a", Opts(hooks=pulumi.ResourceHookBinding({bound})))
    """)
    if error:
        with pytest.raises(HoabanError, match="the hook bad failed: the pager is down"):
            lab.up()
    else:
        lab.up()
        assert "the hook mild failed: the pager is down" in lab.messages("warning")
    assert len(lab.cloud.things) == made
    assert ("a" in lab.resources()) == bool(made)


RETRY = """
def again(args):
    pulumi.log.info(f"HOOK {args.failed_operation} {args.errors}")
    return len(args.errors) < 3

on_error = pulumi.ErrorHook("again", again)
Thing("a", Opts(hooks=pulumi.ResourceHookBinding(on_error=[on_error])))
"""


def test_error_hooks(lab: Lab) -> None:
    """A failed call is made again while a hook says so, within one entry of the journal."""
    left = [2]

    def fails_twice() -> None:
        if left[0]:
            left[0] -= 1
            raise ProviderError(f"busy {left[0]}")

    lab.cloud.fail["create a"] = fails_twice
    lab.up(RETRY)
    assert heard(lab) == ["create ['busy 1']", "create ['busy 0', 'busy 1']"]
    assert len(lab.cloud.things) == 1
    lab.cloud.fail["create a"] = ProviderError("full")
    lab.run("destroy")
    with pytest.raises(HoabanError, match="full"):
        lab.up(RETRY)
    assert len(heard(lab)) == 3
    assert "pending_operations" not in lab.checkpoint["checkpoint"]["latest"]


def test_no_second_try_after_a_call_that_left_something(lab: Lab) -> None:
    def half() -> None:
        thing = lab.cloud.by_name("a")
        raise PartialFailureError("ERROR", state=ResourceState(thing.id, dict(thing.properties)))

    lab.cloud.fail["after create a"] = half
    with pytest.raises(HoabanError, match="ERROR"):
        lab.up(RETRY)
    assert heard(lab) == []
    assert lab.resources()["a"]["initErrors"] == ["ERROR"]


OPTIONS = """
a = Thing("a", replace_me={})
Thing("b", Opts(replace_with=[a]))
Thing("c", Opts(replacement_trigger=Output.secret({})))
"""


def ids(lab: Lab) -> dict[str, str]:
    return {name: one["id"] for name, one in lab.resources().items() if "id" in one}


def test_replacement_options(lab: Lab) -> None:
    lab.up(OPTIONS.format(1, 1))
    assert lab.checkpoint["features"] == ["replaceWith"]
    assert lab.resources()["b"]["replaceWith"] == [lab.resources()["a"]["urn"]]
    assert "ciphertext" in lab.resources()["c"]["replacementTrigger"]
    assert not lab.up().changed
    assert lab.preview(OPTIONS.format(2, 1)).changes["replace"] == 2
    before = ids(lab)
    lab.up()
    after = ids(lab)
    assert {name for name in after if after[name] != before[name]} == {"a", "b"}
    lab.up(OPTIONS.format(2, 2))
    assert lab.resources()["c"]["id"] != after["c"]
    assert len(lab.cloud.things) == 3


def test_environment_of_a_provider(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees a variable under another name, also when the stack is destroyed without a program."""
    seen: list[str | None] = []
    provider = type(lab.cloud.provider("fake", ""))
    configure = provider.configure

    def look(self: object, inputs: dict[str, object], *, preview: bool) -> None:
        import os  # noqa: PLC0415

        seen.append(os.environ.get("FAKE_TOKEN"))
        configure(self, inputs, preview=preview)  # type: ignore[arg-type]

    monkeypatch.setattr(provider, "configure", look)
    monkeypatch.setenv("OUR_TOKEN", "t")
    lab.up("""
    class Fake(pulumi.ProviderResource):
        pass
    one = Fake("fake", "one", {}, Opts(env_var_mappings={"OUR_TOKEN": "FAKE_TOKEN", "NO": "X"}))
    Thing("a", Opts(provider=one))
    """)
    lab.run("destroy")
    assert seen == ["t", "t"]
    with pytest.raises(HoabanError, match="an option of providers only"):
        lab.preview('Thing("a", Opts(env_var_mappings={"A": "B"}))')
