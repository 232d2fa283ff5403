from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.model.environment import ContainerPlan
from stacks.components.containers import ContainersComponent, ContainersProps
from stacks.components.labels import Labels
from tests.unit.stacks.recording import Recording, record

if TYPE_CHECKING:
    import pytest


def warnings(caplog: pytest.LogCaptureFixture) -> str:
    """What the program said: asyncio tells of another test's failed program as late as it likes."""
    return "\n".join(record.message for record in caplog.records if record.name != "asyncio")


def build(*, available: bool, names: tuple[str, ...] = ("files",)) -> Recording:
    def program() -> None:
        ContainersComponent(
            ContainersProps(
                name="thu-nghiem-so-y-te",
                plans=[ContainerPlan(name=name, quota_gb=5) for name in names],
                labels=Labels("thu-nghiem", "so-y-te"),
                available=available,
            )
        )

    return record(program)


def test_a_container_is_protected_marked_and_limited() -> None:
    container = build(available=True).one("Container")
    assert container.protect
    assert container.inputs["metadata"] == {
        "hoaban": "thu-nghiem",
        "agency": "so-y-te",
        "Quota-Bytes": "5368709120",
    }
    # Who lets it go was told that its objects go along.
    assert container.inputs["forceDestroy"] is True


def test_a_cloud_without_swift_gets_a_warning_and_no_container(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert build(available=False).of("Container") == {}
    assert "no object storage" in warnings(caplog)
    assert "files" in warnings(caplog)


def test_nothing_planned_is_nothing_to_warn_of(caplog: pytest.LogCaptureFixture) -> None:
    assert build(available=False, names=()).of("Container") == {}
    assert warnings(caplog) == ""
