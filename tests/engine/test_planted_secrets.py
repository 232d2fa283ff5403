"""Secrets planted wherever a program can have them, and looked for in all that is written or told.

Configuration, inputs, outputs, what a provider answers, and the passphrase; through a plan, an
update, one that fails, a refresh, a program with a fault, an export and a rotation.
"""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.copies import entries
from hoaban.engine.embedded.exports import exported
from hoaban.engine.embedded.rotation import rotate
from hoaban.engine.provider import PartialFailureError, ResourceState
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError
from hoaban.provision.results import result_json
from hoaban.provision.stacklist import history_rows
from tests.engine.conftest import PASSPHRASE
from tests.engine.fake_provider import FakeProvider, Thing

if TYPE_CHECKING:
    import pytest

    from tests.engine.conftest import Lab

PLANTED = {
    "config": "planted-config-5b1f",
    "input": "planted-input-77aa",
    "nested": "planted-nested-0c3d",
    "output": "planted-output-91ee",
    "export": "planted-export-4d2b",
    "changed": "planted-changed-6f60",
    "passphrase": PASSPHRASE,
    "new passphrase": "planted-passphrase-8e15",
}
PROGRAM = """
    config = pulumi.Config()
    token = config.require_secret("token")
    a = Thing("a", token=token, password=Output.secret("{input}"),
              deep={{"list": [Output.secret("planted-nested-0c3d"), "open"]}})
    b = Thing("b", Opts(additional_secret_outputs=["address"]), use_a=a.id)
    export("address", b.address)
    export("hidden", Output.secret("planted-export-4d2b"))
    export("derived", token.apply(lambda text: f"x{{text}}"))
    {more}
"""


def program(input_: str = PLANTED["input"], more: str = "") -> str:
    return PROGRAM.format(input=input_, more=more)


def look(place: str, text: str) -> None:
    """Nothing planted is in a text, as it is, escaped as JSON, or in base64."""
    for what, secret in PLANTED.items():
        forms = {secret, json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()}
        for form in forms:
            assert form not in text, f"the {what} is in {place}"


def look_at_files(lab: Lab) -> None:
    allowed = {lab.passphrase_file, lab.folder / "own" / f"{lab.project}.{lab.stack_name}"}
    source = lab.program_folder / "__main__.py"  # the person wrote them there
    seen = 0
    for file in lab.folder.rglob("*"):
        if file.is_file() and file not in allowed and file != source and file.suffix != ".pyc":
            look(str(file.relative_to(lab.folder)), file.read_bytes().decode(errors="replace"))
            seen += 1
    assert seen > 1


def look_at_events(lab: Lab) -> None:
    """The events of the last operation; what a provider is told is none of them."""
    for event in lab.events:
        look("an event", json.dumps(asdict_all(event), default=str, ensure_ascii=False))


def asdict_all(value: Any) -> Any:
    if isinstance(value, str | int | float | None):
        return str(value)
    if isinstance(value, list | tuple):
        return [asdict_all(item) for item in value]
    if isinstance(value, dict):
        return {key: asdict_all(item) for key, item in value.items()}
    if hasattr(value, "__dict__"):
        return {key: asdict_all(item) for key, item in vars(value).items()}
    return repr(value)


def look_at_result(result: Any) -> None:
    look("a result as JSON", json.dumps(result_json(result), default=str, ensure_ascii=False))
    look("planned steps", repr([asdict(step) for step in result.steps]))
    look("a result's repr", repr(result))


def look_at_error(error: HoabanError) -> None:
    look("an error", f"{error}\n{error!r}\n{error.detail}\n{json.dumps(error.to_json())}")


def test_no_secret_is_written_or_told(
    lab: Lab, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = FakeProvider._state

    def with_secret(self: FakeProvider, thing: Thing) -> ResourceState:
        state = tell(self, thing)
        if thing.properties["__name"] != "b":
            return state
        return replace(state, outputs={**state.outputs, "address": PLANTED["output"]})

    monkeypatch.setattr(FakeProvider, "_state", with_secret)
    lab.config = {"token": Secret(PLANTED["config"])}
    look_at_result(lab.preview(program()))
    look_at_events(lab)
    look_at_result(lab.up(program()))
    look_at_events(lab)
    look_at_files(lab)
    made = lab.cloud.by_name("a").properties
    assert made["password"] == PLANTED["input"], "the provider gets the secret itself"

    # An update that fails half-way, with a state that the provider tells.
    id_ = lab.cloud.by_name("a").id

    def refuse() -> None:
        state = ResourceState(id_, dict(made), dict(made))
        raise PartialFailureError("a went to ERROR", state=state)

    lab.cloud.fail["update a"] = refuse
    with suppress(HoabanError):
        lab.up(program(PLANTED["changed"]))
    look_at_events(lab)
    look_at_files(lab)
    lab.cloud.fail.clear()

    lab.cloud.by_name("a").properties["password"] = "by hand"
    look_at_result(lab.run("refresh"))
    look_at_events(lab)

    # What the program itself gets wrong.
    try:
        lab.up(program(more='raise ValueError("the program is at fault")'))
    except HoabanError as error:
        look_at_error(error)
    look_at_events(lab)
    look_at_files(lab)

    name, backend = StackName(lab.project, lab.stack_name), Backend(lab.stack.backend)
    look("an export", json.dumps(exported(lab.checkpoint_file.read_bytes()), ensure_ascii=False))
    look("the history", json.dumps(entries(backend, name), ensure_ascii=False))
    look("the history", json.dumps(history_rows(backend, name), ensure_ascii=False))
    rotate(replace(lab.stack, passphrases=lab.folder / "own"), PLANTED["new passphrase"])
    look_at_files(lab)
    told = capfd.readouterr()
    look("standard output", told.out)
    look("standard error", told.err)


def test_a_planted_secret_would_be_found(lab: Lab) -> None:
    """The search itself works: what is not secret is there to be seen."""
    (lab.folder / "log").write_text("asked with planted-input-77aa")
    try:
        look_at_files(lab)
    except AssertionError as error:
        assert "the input is in" in str(error)  # noqa: PT017
    else:
        raise AssertionError("nothing was found")
