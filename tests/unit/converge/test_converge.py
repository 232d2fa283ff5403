"""Real ansible-playbook runs on an estate whose hosts are this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from hoaban.converge import playbook
from hoaban.converge.console import Hindrance
from hoaban.converge.many import converge_many, converge_stacks
from hoaban.converge.playbook import Run, Transport, count_tasks, environment, playbook_path
from hoaban.converge.run import Converged, converge
from hoaban.errors import HoabanError, ManyErrors
from hoaban.testing import estate, exported
from tests.unit.converge.conftest import FakeConsole, QuietSteps, console_of
from tests.unit.converge.test_pins import APP, key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hoaban.workspace import Workspace

ROOT = playbook.toolkit_root()
PLAYBOOK = """\
- name: Configure
  hosts: managed:!province
  gather_facts: false
  tasks:
    - name: Say who it is
      ansible.builtin.copy:
        content: "{{ hoaban_host.name }} {{ hoaban_agency.name_vi }}"
        dest: "FOLDER/{{ inventory_hostname }}"
        mode: "0644"
    - name: Only databases
      ansible.builtin.command: "true"
      changed_when: false
      when: hoaban_host.tier == 'data'
    - name: Fail where asked
      ansible.builtin.command: sh -c 'echo no such unit >&2; exit 3'
      when: inventory_hostname in fail_on | default([])
      changed_when: false
    - name: Take long
      ansible.builtin.command: "sleep 60"
      when: "'slow.flag' is file"
      changed_when: false
"""


@pytest.fixture
def toolkit(tmp_path: Path, faults: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A toolkit with one small playbook; returns the folder that it writes to."""
    root = tmp_path / "toolkit"
    written = tmp_path / "written"
    (root / "playbooks").mkdir(parents=True)
    written.mkdir()
    text = PLAYBOOK.replace("FOLDER", str(written)).replace("slow.flag", f"{written}/slow")
    (root / "playbooks/agency.yml").write_text(text)
    (root / "ansible.cfg").write_text(
        f"[defaults]\ninventory_plugins = {ROOT}/hoaban/plugins/inventory\nhost_key_checking=true\n"
        "[inventory]\nenable_plugins = hoaban\n[ssh_connection]\npipelining = true\n"
        "transfer_method = piped\n"
    )
    monkeypatch.setattr(playbook, "toolkit_root", lambda: root)
    monkeypatch.delenv("HOABAN_HOME", raising=False)
    return written


@pytest.fixture
def console() -> FakeConsole:
    return FakeConsole(default=console_of(key(1)))


def fail_on(toolkit: Path, host: str) -> None:
    file = toolkit.parent / "toolkit/playbooks/agency.yml"
    file.write_text(file.read_text().replace("default([])", f"default(['{host}'])"))


@pytest.mark.parametrize("transport", list(Transport))
def test_configures_with_host_keys_checked_and_no_credential_in_its_logs(
    provisioned: Workspace,
    toolkit: Path,
    console: FakeConsole,
    steps: QuietSteps,
    transport: Transport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "s3cret-of-the-cloud")
    result = converge(provisioned, "so-y-te", console, steps, transport=transport)
    assert (toolkit / "so-y-te-portal-web-1").read_text() == "so-y-te-portal-web-1 Sở Y tế"
    assert len(list(toolkit.iterdir())) == 3
    assert result.changed == 3
    assert result.hosts["so-y-te-portal-data-1"].ok == 2
    assert result.hosts["so-y-te-portal-web-1"].changes == ["Say who it is"]
    assert steps.told["so-y-te-portal-web-1"] == "done: 4 of 4 tasks, 1 changed"
    calls = (toolkit.parent / "ssh.log").read_text().splitlines()
    to_hosts = [call for call in calls if "bastion" in call or "10.65.1." in call]
    assert all(f"-F {provisioned.home}/ssh_config" in call for call in to_hosts)
    ansible = [call for call in to_hosts if "10.65.1." in call]
    assert len(ansible) >= 3
    own = [call for call in ansible if "ControlPath=none" in call]
    assert len(own) == (3 if transport is Transport.MITOGEN else 0)
    assert not any("StrictHostKeyChecking" in c and "yes" not in c for c in ansible)
    assert not any("UserKnownHostsFile" in call for call in ansible)
    assert result.log is not None
    assert (result.log / "artifacts/run/stdout").is_file()
    logs = [file for file in result.log.rglob("*") if file.is_file()]
    assert not [file for file in logs if "s3cret" in file.read_text(errors="replace")]


def test_check_mode_changes_nothing_and_predicts_the_change(
    provisioned: Workspace, toolkit: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    result = converge(provisioned, "so-y-te", console, steps, check=True, diff=True)
    assert result.changed == 3
    assert list(toolkit.iterdir()) == []


def test_named_hosts_only(
    provisioned: Workspace, toolkit: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    result = converge(provisioned, "so-y-te", console, steps, hosts=["so-y-te-portal-app-1"])
    assert list(result.hosts) == ["so-y-te-portal-app-1"]
    assert [file.name for file in toolkit.iterdir()] == ["so-y-te-portal-app-1"]
    with pytest.raises(HoabanError, match="sonla-bastion is not a host of so-y-te"):
        converge(provisioned, "so-y-te", console, steps, hosts=["sonla-bastion"])


def test_a_failed_task_is_told_with_host_task_and_reason(
    provisioned: Workspace, toolkit: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    fail_on(toolkit, "so-y-te-portal-app-1")
    with pytest.raises(HoabanError) as caught:
        converge(provisioned, "so-y-te", console, steps)
    assert "so-y-te-portal-app-1: task “Fail where asked” failed" in caught.value.what
    assert "no such unit" in str(caught.value.detail)
    assert "artifacts/run/stdout" in str(caught.value.mend)
    assert steps.told["so-y-te-portal-app-1"].startswith("failed: 3 of 4 tasks")
    assert steps.told["so-y-te-portal-web-1"].startswith("done: 4 of 4 tasks")


def test_a_host_that_never_answers_is_told_with_its_console(
    provisioned: Workspace,
    toolkit: Path,
    faults: Path,
    steps: QuietSteps,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hoaban.converge.reach.PAUSE_SECONDS", 1000)
    (faults / "so-y-te-portal-app-1").write_text("ssh: connect to host: Connection timed out\n")
    log = console_of(key(1)) + "\r\nOut of memory: Killed process 1 (sshd)\r\n"
    console = FakeConsole({APP: [log]}, default=console_of(key(1)))
    with pytest.raises(HoabanError) as caught:
        converge(provisioned, "so-y-te", console, steps)
    assert "so-y-te-portal-app-1 does not answer SSH through sonla-bastion" in caught.value.what
    assert "Connection timed out" in caught.value.what
    assert str(caught.value.detail).endswith("Out of memory: Killed process 1 (sshd)")
    assert list(toolkit.iterdir()) == []


def test_a_host_that_the_cloud_has_stopped_is_not_tried_again(
    provisioned: Workspace,
    toolkit: Path,
    faults: Path,
    console: FakeConsole,
    steps: QuietSteps,
) -> None:
    (faults / "so-y-te-portal-app-1").write_text("ssh: connect to host: Connection timed out\n")
    console.hindrances[APP] = Hindrance("its server is in the state SHUTOFF", "start it")
    started = time.monotonic()
    with pytest.raises(HoabanError, match="through sonla-bastion: its server is in") as caught:
        converge(provisioned, "so-y-te", console, steps)
    assert caught.value.mend == "start it"
    assert time.monotonic() - started < 100  # of 300 that are waited otherwise


def test_each_of_several_silent_hosts_is_told(
    provisioned: Workspace,
    toolkit: Path,
    faults: Path,
    console: FakeConsole,
    steps: QuietSteps,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hoaban.converge.reach.PAUSE_SECONDS", 1000)
    (faults / "so-y-te-portal-app-1").write_text("No route to host\n")
    (faults / "so-y-te-portal-web-1").write_text("hoaban@x: Permission denied (publickey).\n")
    with pytest.raises(ManyErrors) as caught:
        converge(provisioned, "so-y-te", console, steps)
    assert [error.what for error in caught.value.errors] == [
        "so-y-te-portal-web-1 refuses the deploy key: hoaban@x: Permission denied (publickey).",
        "so-y-te-portal-app-1 does not answer SSH through sonla-bastion: No route to host",
    ]


def test_a_changed_host_key_is_refused_at_once(
    provisioned: Workspace, toolkit: Path, faults: Path, steps: QuietSteps
) -> None:
    (faults / "so-y-te-portal-app-1").write_text(
        "REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification failed.\n"
    )
    console = FakeConsole({APP: [console_of(key(1)), console_of(key(2))]}, console_of(key(1)))
    started = time.monotonic()
    with pytest.raises(HoabanError, match="another SSH host key than the one pinned"):
        converge(provisioned, "so-y-te", console, steps)
    assert time.monotonic() - started < 600


def test_a_broken_playbook_is_told_with_ansibles_words(
    provisioned: Workspace, toolkit: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    (toolkit.parent / "toolkit/playbooks/agency.yml").write_text("- hosts: all\n  taskss: []\n")
    with pytest.raises(HoabanError, match=r"agency\.yml did not start") as caught:
        converge(provisioned, "so-y-te", console, steps)
    assert "taskss" in str(caught.value.detail)


BROKEN_OFF = """\
    - name: Take in what cannot be read
      ansible.builtin.include_tasks: "{{ 'broken.yml' }}"
    - name: Never come to
      ansible.builtin.command: "true"
      changed_when: false
"""


def break_off(toolkit: Path) -> None:
    """Let the playbook stop with an error of Ansible's own once every host has done something."""
    folder = toolkit.parent / "toolkit/playbooks"
    (folder / "agency.yml").write_text((folder / "agency.yml").read_text() + BROKEN_OFF)
    (folder / "broken.yml").write_text("- name: Neither module nor action\n  taskss: []\n")


def test_a_run_that_breaks_off_midway_has_not_converged(
    provisioned: Workspace, toolkit: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    break_off(toolkit)
    with pytest.raises(HoabanError, match=r"agency\.yml ended early \(status [1-9]") as caught:
        converge(provisioned, "so-y-te", console, steps)
    assert len(list(toolkit.iterdir())) == 3
    assert "broken.yml:1" in str(caught.value.detail)
    assert "artifacts/run/stdout" in str(caught.value.mend)
    assert steps.told["so-y-te-portal-web-1"].startswith("failed: ")


def test_a_run_that_is_killed_midway_has_not_converged(
    provisioned: Workspace, toolkit: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    (toolkit / "slow").touch()

    def kill() -> None:
        while len(list(toolkit.iterdir())) < 4:
            time.sleep(0.2)
        time.sleep(3)
        for child in psutil.Process().children():
            if any("ansible-playbook" in word for word in child.cmdline()):
                for process in [child, *child.children(recursive=True)]:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with pytest.raises(HoabanError, match=r"ended early \(killed by a signal\)") as caught:
        converge(provisioned, "so-y-te", console, steps)
    killer.join()
    assert "Take long" in str(caught.value.detail)


def test_an_agency_without_hosts_needs_nothing(
    workspace: Workspace, console: FakeConsole, steps: QuietSteps
) -> None:
    empty = estate.department(counts={"web": 0})
    estate.write_estate(workspace.backend, empty)
    assert converge(workspace, "so-y-te", console, steps).hosts == {}
    assert console.asked == []


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is heard, also by tests that a script started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("transport", list(Transport))
def test_ctrl_c_stops_ansible_and_leaves_no_process(
    provisioned: Workspace,
    toolkit: Path,
    console: FakeConsole,
    steps: QuietSteps,
    transport: Transport,
) -> None:
    (toolkit / "slow").touch()

    def interrupt() -> None:
        while not (toolkit / "so-y-te-portal-web-1").exists():
            time.sleep(0.2)
        time.sleep(3)
        os.kill(os.getpid(), signal.SIGINT)

    killer = threading.Thread(target=interrupt, daemon=True)
    killer.start()
    with pytest.raises(KeyboardInterrupt):
        converge(provisioned, "so-y-te", console, steps, transport=transport)
    killer.join()
    deadline = time.monotonic() + 60
    while left := [c for c in psutil.Process().children(recursive=True) if c.is_running()]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert [child.cmdline() for child in left] == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_tasks_are_counted_beforehand(provisioned: Workspace, toolkit: Path) -> None:
    assert count_tasks(provisioned, Run("agency.yml", "managed")) == 4


def test_environment_is_the_one_ansible_understands(provisioned: Workspace) -> None:
    mitogen = environment(provisioned, Transport.MITOGEN)
    assert (playbook_path("agency.yml").parent.parent / "ansible.cfg").samefile(
        mitogen["ANSIBLE_CONFIG"]
    )
    plain = environment(provisioned, Transport.SSH)
    assert "ANSIBLE_STRATEGY" not in plain
    listing = subprocess.run(
        ["ansible-doc", "-t", "strategy", "-l"],
        env={**os.environ, **mitogen},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "mitogen_linear" in listing.stdout


@pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="there is one processor")
def test_what_ansible_starts_may_run_on_all_processors(
    provisioned: Workspace, tmp_path: Path
) -> None:
    """A service started by a task would be kept on one for as long as it runs."""
    file = tmp_path / "play.yml"
    seen = tmp_path / "seen"
    file.write_text(
        "- hosts: localhost\n"
        "  connection: local\n"
        "  gather_facts: false\n"
        "  tasks:\n"
        f"    - shell: grep Cpus_allowed_list /proc/self/status > {seen}\n"
    )
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("localhost\n")
    values = os.environ | environment(provisioned, Transport.MITOGEN)
    words = ["ansible-playbook", "-i", str(inventory), str(file)]
    subprocess.run(words, env=values, check=True, timeout=120)
    mine = Path("/proc/self/status").read_text()
    assert seen.read_text().strip() in mine.splitlines()


AGENCIES = ("so-noi-vu", "so-tu-phap", "so-y-te")


@pytest.fixture
def three(workspace: Workspace) -> Workspace:
    """A province with three departments, of one server each."""
    one = {"app": 1}
    built = [estate.department(slug, index=n, counts=one) for n, slug in enumerate(AGENCIES, 1)]
    estate.write_estate(workspace.backend, *built)
    return workspace


def test_many_agencies_are_configured_by_one_run(
    three: Workspace, toolkit: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    results = converge_many(three, AGENCIES[:2], console, steps)
    assert list(results) == ["so-noi-vu", "so-tu-phap"]
    for agency, result in results.items():
        assert isinstance(result, Converged)
        assert list(result.hosts) == [f"{agency}-portal-app-1"]
        assert result.changed == 1
    assert sorted(file.name for file in toolkit.iterdir()) == [
        "so-noi-vu-portal-app-1",
        "so-tu-phap-portal-app-1",
    ]
    assert len(list((three.logs / "converge").iterdir())) == 1
    assert steps.told["Configuring 2 hosts of 2 agencies"] == "done: 2 of 2 hosts, 2 changed"


def test_of_many_one_that_fails_stops_no_other(
    three: Workspace,
    toolkit: Path,
    faults: Path,
    steps: QuietSteps,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One task fails, one host does not answer, one never boots: each is its agency's error."""
    monkeypatch.setattr("hoaban.converge.reach.PAUSE_SECONDS", 1000)
    fourth = estate.department("so-xay-dung", index=4, counts={"app": 1})
    fifth = estate.department("so-cong-thuong", index=5, counts={"app": 1})
    for outputs in (fourth, fifth):
        exported.write_checkpoint(three.backend, "agency", str(outputs.environment.agency), outputs)
    fail_on(toolkit, "so-tu-phap-portal-app-1")
    (faults / "so-y-te-portal-app-1").write_text("ssh: connect to host: No route to host\n")
    silent = exported.identifier("so-xay-dung-portal-app-1")
    console = FakeConsole({silent: ["GRUB loading"]}, default=console_of(key(1)))
    agencies = [*AGENCIES, "so-xay-dung", "so-cong-thuong"]
    results = converge_many(three, agencies, console, steps)
    assert list(results) == agencies
    told = {
        agency: result.what for agency, result in results.items() if isinstance(result, HoabanError)
    }
    assert list(told) == ["so-tu-phap", "so-y-te", "so-xay-dung"]
    assert "task “Fail where asked” failed" in told["so-tu-phap"]
    assert "so-y-te-portal-app-1 does not answer SSH" in told["so-y-te"]
    assert "so-xay-dung-portal-app-1 wrote no SSH host key" in told["so-xay-dung"]
    for agency in ("so-noi-vu", "so-cong-thuong"):
        result = results[agency]
        assert isinstance(result, Converged)
        assert result.changed == 1
    assert not (toolkit / "so-y-te-portal-app-1").exists()


def test_of_many_none_has_converged_in_a_run_that_breaks_off(
    three: Workspace, toolkit: Path, console: FakeConsole, steps: QuietSteps
) -> None:
    """Even beside a task that failed, which has Ansible end with a status of its own."""
    fail_on(toolkit, "so-tu-phap-portal-app-1")
    break_off(toolkit)
    with pytest.raises(HoabanError, match=r"agency\.yml ended early \(status [1-9]") as caught:
        converge_many(three, AGENCIES, console, steps)
    assert "Fail where asked" in str(caught.value.detail)


def test_a_bastion_that_does_not_answer_is_the_error_of_all(
    three: Workspace,
    toolkit: Path,
    faults: Path,
    console: FakeConsole,
    steps: QuietSteps,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hoaban.converge.reach.PAUSE_SECONDS", 1000)
    (faults / "sonla-bastion").write_text("No route to host\n")
    with pytest.raises(HoabanError, match="sonla-bastion does not answer SSH"):
        converge_many(three, AGENCIES, console, steps)
    assert list(toolkit.iterdir()) == []
    results = converge_stacks(three, [None, *AGENCIES], console, steps)
    assert list(results) == [None, *AGENCIES]
    for result in results.values():
        assert isinstance(result, HoabanError)
        assert "sonla-bastion does not answer SSH" in result.what
