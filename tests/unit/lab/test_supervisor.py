from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.lab.supervisor import Supervisor

if TYPE_CHECKING:
    from hoaban.lab.layout import Layout

    from .conftest import FakeSupervisord


def test_nobody_answers(layout: Layout) -> None:
    assert not Supervisor(layout).alive()


def test_a_stale_process_number_is_nobodys(layout: Layout) -> None:
    layout.supervisor_pid.write_text("1\n")  # runs, and is no supervisor of this lab
    assert Supervisor(layout).pid() is None


def test_start_and_stop_tell_whether_something_changed(
    supervisor: Supervisor, supervisord: FakeSupervisord
) -> None:
    assert supervisor.alive()
    assert supervisor.start("glance")
    assert not supervisor.start("glance")
    assert supervisor.stop("glance")
    assert not supervisor.stop("glance")
    assert supervisord.states["glance"] == "STOPPED"


def test_apply_touches_only_what_changed(
    supervisor: Supervisor, supervisord: FakeSupervisord
) -> None:
    supervisord.states |= {"old": "RUNNING", "glance": "RUNNING"}
    supervisord.reload = [["cinder-api"], ["nova-api"], ["old"]]
    assert supervisor.apply() == ["cinder-api", "nova-api", "old"]
    assert ("stopProcess", "mariadb", False) not in supervisord.calls
    assert ("stopProcess", "nova-api", False) in supervisord.calls
    assert supervisord.states == {
        "mariadb": "RUNNING",
        "nova-api": "RUNNING",
        "glance": "RUNNING",
        "cinder-api": "RUNNING",
    }


def test_apply_restarts_a_chosen_program_only_if_it_ran(
    supervisor: Supervisor, supervisord: FakeSupervisord
) -> None:
    chosen = ("nova-compute-fake", "nova-compute-qemu")
    supervisord.not_automatic = chosen
    supervisord.states |= dict(zip(chosen, ("STOPPED", "RUNNING"), strict=True))
    supervisord.reload = [[], list(chosen), []]
    supervisor.apply()
    assert supervisord.states["nova-compute-qemu"] == "RUNNING"
    assert supervisord.states["nova-compute-fake"] == "STOPPED"


def test_fallen_programs_are_raised(supervisor: Supervisor, supervisord: FakeSupervisord) -> None:
    supervisord.not_automatic = ("nova-compute-fake",)
    supervisord.states |= {"keystone": "FATAL", "nova-compute-fake": "STOPPED"}
    assert supervisor.raise_fallen() == ["glance", "keystone"]
    assert supervisord.states["nova-compute-fake"] == "STOPPED"


def test_stop_together_asks_all_before_it_waits(
    supervisor: Supervisor, supervisord: FakeSupervisord
) -> None:
    supervisor.stop_together(["mariadb", "nova-api", "glance"], timeout=5)
    kinds = [call[0] for call in supervisord.calls]
    assert kinds == ["stopProcess"] * 3 + ["getAllProcessInfo"]
    assert set(supervisord.states.values()) == {"STOPPED"}
