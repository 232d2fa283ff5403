"""What the verb ``hoaban converge`` asks for, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from hoaban.cli import converge as verb
from hoaban.converge.run import Converged
from hoaban.errors import UsageError
from hoaban.testing import estate, exported

if TYPE_CHECKING:
    from hoaban.workspace import Workspace

HOST = "sonla-bastion"


@pytest.fixture
def configured(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Mock:
    """A province of which the foundation alone is provisioned; the runs that were asked for."""
    exported.write_checkpoint(workspace.backend, "province", "sonla", estate.province())
    monkeypatch.setenv("HOABAN_ROOT", str(workspace.root))
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    monkeypatch.setattr("hoaban.model.load", Mock())
    monkeypatch.setattr(verb, "CloudConsole", Mock())
    run = Mock(return_value=Converged({}, 1.0, None))
    monkeypatch.setattr(verb, "configure", run)
    monkeypatch.setattr("hoaban.converge.many.converge", run)
    return run


def hosts_of(run: Mock) -> Any:
    """The hosts to which the one run was held."""
    run.assert_called_once()
    return run.call_args.kwargs.get("hosts", ())


@pytest.mark.parametrize(
    "stacks",
    [{"everything": True}, {"agencies": ["so-noi-vu", "so-y-te"]}],
    ids=["all, which is one", "two"],
)
def test_a_host_is_of_one_stack_that_is_named(configured: Mock, stacks: dict[str, Any]) -> None:
    """With --all it would be left out of account: every host would be configured."""
    with pytest.raises(UsageError, match="--host goes with one stack only"):
        verb.converge(**stacks, host=[HOST])
    configured.assert_not_called()


@pytest.mark.parametrize("agency", [None, "so-y-te"])
def test_a_host_of_one_stack_is_handed_on(configured: Mock, agency: str | None) -> None:
    verb.converge([agency] if agency else None, host=[HOST])
    assert hosts_of(configured) == [HOST]
    assert configured.call_args.args[1] == agency


def test_all_without_a_host_is_every_host(configured: Mock) -> None:
    verb.converge(everything=True)
    assert hosts_of(configured) == ()
