from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.errors import HoabanError
from hoaban.inventory.state import StackState, read_stack, read_stacks
from hoaban.testing import estate, exported

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hoaban.model.outputs import StackOutputs
    from hoaban.workspace import Workspace


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def outputs_of(content: dict[str, Any]) -> dict[str, Any]:
    outputs: dict[str, Any] = content["checkpoint"]["latest"]["resources"][0]["outputs"]
    return outputs


def test_reads_back_what_was_exported_province_first(provisioned: Workspace) -> None:
    province, department = read_stacks(provisioned.backend)
    assert province.outputs == estate.province()
    assert department.outputs == estate.department()
    assert (province.key, department.key) == ("province", "agency-so-y-te")
    assert (department.project, department.stack) == ("agency", "so-y-te")


def update(workspace: Workspace, outputs: StackOutputs) -> StackState:
    exported.write_checkpoint(workspace.backend, "agency", "so-y-te", outputs)
    state = read_stack(workspace.backend, "agency", "so-y-te")
    assert state is not None
    return state


def test_version_counts_updates_and_digest_follows_the_promise(workspace: Workspace) -> None:
    more = estate.department(counts={"web": 2, "app": 1, "data": 1})
    first, second, third = (
        update(workspace, outputs) for outputs in (estate.department(), estate.department(), more)
    )
    assert [first.version, second.version, third.version] == [1, 2, 3]
    assert first.digest == second.digest != third.digest


def test_numbers_that_became_floats_on_their_way_are_read(provisioned: Workspace) -> None:
    file = provisioned.backend / ".pulumi/stacks/agency/so-y-te.json"

    def to_floats(content: dict[str, Any]) -> None:
        outputs_of(content)["schema_version"] = 1.0
        outputs_of(content)["environment"]["security_level"] = 3.0

    edit(file, to_floats)
    state = read_stack(provisioned.backend, "agency", "so-y-te")
    assert state is not None
    assert state.outputs == estate.department()


def test_no_backend_no_stacks(workspace: Workspace) -> None:
    assert read_stacks(workspace.backend) == []


def test_destroyed_stacks_and_other_programs_are_passed_over(provisioned: Workspace) -> None:
    stacks = provisioned.backend / ".pulumi/stacks"
    edit(stacks / "agency/so-y-te.json", lambda c: c["checkpoint"].update(latest=None))
    (stacks / "other").mkdir()
    other = stacks / "other/x.json"
    other.write_text((stacks / "province/sonla.json").read_text())
    edit(other, lambda c: c["checkpoint"]["latest"]["resources"][0].update(outputs={"url": "x"}))
    (stacks / "other/empty.json").write_text(
        json.dumps({"version": 3, "checkpoint": {"latest": {"resources": []}}})
    )
    assert [state.key for state in read_stacks(provisioned.backend)] == ["province"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 3}', '{"version": 3, "checkpoint": []}',
     '{"version": 3, "checkpoint": {"latest": {"resources": [{}]}}}', "\x00\xff"],
)  # fmt: skip
def test_unreadable_state_names_the_file_and_the_copy_to_put_back(
    provisioned: Workspace, text: str
) -> None:
    file = provisioned.backend / ".pulumi/stacks/agency/so-y-te.json"
    file.with_name(f"{file.name}.bak").write_text(file.read_text())
    file.write_text(text)
    with pytest.raises(HoabanError) as caught:
        read_stacks(provisioned.backend)
    assert caught.value.where is not None
    assert caught.value.where.file == str(file)
    assert f"cp {file}.bak {file}" in str(caught.value.mend)


def test_a_state_of_a_later_version_is_not_to_be_replaced_by_an_older_one(
    provisioned: Workspace,
) -> None:
    file = provisioned.backend / ".pulumi/stacks/agency/so-y-te.json"
    edit(file, lambda content: content.update(version=9))
    with pytest.raises(HoabanError, match="checkpoint version 9 is not known") as caught:
        read_stacks(provisioned.backend)
    assert str(caught.value.mend) == "use the hoaban or the pulumi command that wrote it"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"schema_version": 99}, "schema version 99"),
        ({"project_id": {"4dabf18193072939515e22adb298388d": "1b47", "ciphertext": "v1:x"}},
         "project_id is secret"),
        ({"hosts": {"x": {"server_id": 1}}}, "not what this hoaban expects"),
    ],
)  # fmt: skip
def test_outputs_that_cannot_be_used_are_told_with_their_key(
    provisioned: Workspace, change: dict[str, Any], what: str
) -> None:
    file = provisioned.backend / ".pulumi/stacks/agency/so-y-te.json"
    edit(file, lambda content: outputs_of(content).update(change))
    with pytest.raises(HoabanError, match=what):
        read_stack(provisioned.backend, "agency", "so-y-te")


def test_an_output_of_a_later_minor_change_does_not_stop_the_inventory(
    provisioned: Workspace,
) -> None:
    file = provisioned.backend / ".pulumi/stacks/agency/so-y-te.json"
    edit(file, lambda content: outputs_of(content).update(dashboard_url="https://example"))
    assert read_stack(provisioned.backend, "agency", "so-y-te") is not None
