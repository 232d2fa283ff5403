"""What the role says in several places must agree, and with what the library expects."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from configparser import ConfigParser
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import Environment, FileSystemLoader

from hoaban.lab import playbook, services
from hoaban.lab.hypervisor import Hypervisor
from hoaban.roles import Role
from hoaban.workspace import toolkit_root

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    import pytest

ROLE = toolkit_root() / "roles/openstack_lab"
VARIABLES: dict[str, Any] = yaml.safe_load((ROLE / "vars/main.yml").read_text())
PROGRAMS: dict[str, dict[str, Any]] = {
    program["name"]: program for program in VARIABLES["openstack_lab_programs"]
}


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROLE / "library" / f"{name}.py")
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_every_api_listens_where_it_is_asked() -> None:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    mirror = "{{ openstack_lab_public_ipv4.host }}:{{ openstack_lab_mirror_port }}"
    for api in services.APIS:
        if api.name.startswith("swift-"):
            continue
        place = "{{ openstack_lab_address }}" + f":{api.port}"
        place = mirror if api.name == "mirror" else place
        assert f"--http-socket {place} " in PROGRAMS[api.name]["command"]
        if api.name == "mirror":
            assert api.address == services.MIRROR_ADDRESS
            assert api.address == defaults["openstack_lab_public_ipv4"]["host"]
            assert api.port == defaults["openstack_lab_mirror_port"]
    assert defaults["openstack_lab_address"] == services.ADDRESS
    public = [defaults[f"openstack_lab_public_{version}"]["cidr"] for version in ("ipv4", "ipv6")]
    assert public == [str(network) for network in services.PUBLIC_NETWORKS]


def test_swift_listens_where_it_is_asked() -> None:
    templates = Environment(loader=FileSystemLoader(ROLE / "templates"), autoescape=True)
    ports = VARIABLES["openstack_lab_storage_ports"]
    told = {"openstack_lab_address": services.ADDRESS, "openstack_lab_storage_ports": ports}
    blanks = {"openstack_lab_secrets": {}, "openstack_lab_url": {}}
    asked = {api.name: api for api in services.APIS if api.name.startswith("swift-")}
    assert len(asked) == 1 + len(ports)
    for name, api in asked.items():
        kind = name.removeprefix("swift-")
        file = f"swift/{kind}-server.conf"
        assert f"}}}}/{file}" in PROGRAMS[name]["command"]
        config = ConfigParser(interpolation=None)
        config.read_string(templates.get_template(f"{file}.j2").render(told | blanks))
        assert config["DEFAULT"]["bind_ip"] == api.address
        assert config["DEFAULT"]["bind_port"] == str(api.port)
        # Each part of its pipeline is there, among them what answers without a token.
        parts = config["pipeline:main"]["pipeline"].split()
        assert "healthcheck" in parts
        *filters, app = parts
        assert {f"filter:{one}" for one in filters} | {f"app:{app}"} <= set(config.sections())
    start = "http://{{ openstack_lab_address }}" + f":{asked['swift-proxy'].port}/"
    assert VARIABLES["openstack_lab_url"]["objects"].startswith(start)


def test_the_library_knows_only_programs_that_run() -> None:
    workers = (*services.NOVA_WORKERS, *services.NEUTRON_WORKERS, *services.CINDER_WORKERS)
    known = {*services.KEEPERS, *services.CHOSEN, *(worker.name for worker in workers)}
    known |= {kind.program for kind in Hypervisor}
    assert known <= PROGRAMS.keys()
    by_choice = {name for name, program in PROGRAMS.items() if program.get("autostart") is False}
    assert by_choice == set(services.CHOSEN)


def test_programs_are_restarted_for_files_that_exist() -> None:
    written = {item["template"] for item in VARIABLES["openstack_lab_files"]}
    assert {name for name in written if not (ROLE / "templates" / f"{name}.j2").is_file()} == set()
    read = {name for program in PROGRAMS.values() for name in program.get("reads", [])}
    own = {
        "hoaban_lab_mirror.py",
        "hoaban_lab_nfs.py",
        "hoaban_lab_swift_logs.py",
        "hoaban_lab_swift_updates.py",
    }
    assert {path.name for path in (ROLE / "files").glob("*.py")} == own
    assert read <= written | own
    # What a command names, the program must be restarted for.
    for name, program in PROGRAMS.items():
        named = re.findall(r"openstack_lab_etc \}\}/([a-z_/.-]+\.(?:conf|ini))", program["command"])
        assert set(named) <= set(program.get("reads", [])), name


def test_files_with_passwords_are_for_root_alone() -> None:
    for item in VARIABLES["openstack_lab_files"]:
        text = (ROLE / "templates" / f"{item['template']}.j2").read_text()
        if re.search(r"_secrets|_transport_url|lab\.(authtoken|credentials|database)", text):
            assert item.get("mode", "0600") == "0600", item["template"]


def test_defaults_are_those_of_the_specification() -> None:
    role = Role(ROLE)
    specified = {n: o["default"] for n, o in role.options.items() if "default" in o}
    assert specified == role.defaults


def test_packages_are_pinned_and_name_no_host() -> None:
    lines = (ROLE / "files/requirements.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 150
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin)] == []
    wanted = [
        line.split("#")[0].strip()
        for line in (ROLE / "files/requirements.in").read_text().splitlines()
        if line.split("#")[0].strip()
    ]
    names = {pin.split("==")[0] for pin in pins} | set(pins)
    assert set(wanted) <= names


def test_a_step_has_a_title_for_every_file_of_tasks() -> None:
    prefixes = {
        task["name"].partition(" | ")[0]
        for path in (ROLE / "tasks").glob("*.yml")
        if path.name != "main.yml"
        for task in yaml.safe_load(path.read_text())
    }
    assert prefixes == playbook.TITLES.keys()


def test_what_decides_a_run_changes_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = tmp_path / "roles/openstack_lab/tasks/main.yml"
    play = tmp_path / "playbooks/lab.yml"
    readme = tmp_path / "roles/openstack_lab/README.md"
    for path in (tasks, play, readme):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("one")
    monkeypatch.setattr(playbook, "toolkit_root", lambda: tmp_path)
    first = playbook.digest()
    readme.write_text("two")
    assert playbook.digest() == first
    tasks.write_text("two")
    second = playbook.digest()
    assert second != first
    play.write_text("two")
    assert playbook.digest() not in {first, second}


def test_the_trial_guest_is_a_boot_sector_that_writes_its_word() -> None:
    kvm = module("openstack_lab_kvm")
    sector = kvm.boot_sector()
    assert len(sector) == 512
    assert sector[-2:] == b"\x55\xaa"
    long_mode = len(kvm.machine_code(kvm.ENTER_LONG_MODE))
    jump = sector[long_mode - 5 : long_mode]
    assert jump == b"\xea" + (0x7C00 + long_mode).to_bytes(2, "little") + b"\x08\x00"
    compute = long_mode + len(kvm.machine_code(kvm.COMPUTE))
    written = bytes(sector[compute + 3 * n + 1] for n in range(len(kvm.WORD)))
    assert written == b"alive"
    assert (
        int.from_bytes(sector[kvm.TABLES + 18 : kvm.TABLES + 22], "little") == 0x7C00 + kvm.TABLES
    )


def test_a_trial_that_hangs_or_fails_says_no(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kvm = module("openstack_lab_kvm")
    emulator = tmp_path / "qemu"

    def behave(script: str) -> str:
        emulator.write_text(f"#!/bin/sh\n{script}\n")
        emulator.chmod(0o755)
        monkeypatch.setattr(kvm, "EMULATOR", str(emulator))
        return str(kvm.trial("kvm", 1))

    assert behave("printf alive; exit 1") == ""
    assert behave("exec sleep 5") == "the guest was not alive after 1 s"
    assert behave("echo no KVM >&2; exit 1") == "no KVM"
    assert behave("exit 0") == "the guest wrote nothing"


def test_an_emulator_of_the_release_itself_is_too_old() -> None:
    packages = "|".join(VARIABLES["openstack_lab_backported_packages"])
    pattern = re.sub(r"\{\{.*?\}\}", packages, VARIABLES["openstack_lab_too_old"])
    old = ("qemu-system-x86 install ok installed 1:7.2+dfsg-7", "qemu-utils i ok installed 8.0.1")
    new = ("qemu-system-x86 i ok installed 1:10.0.2+ds-2~bpo12+1", "gcc i ok installed 4:8.2")
    assert [bool(re.search(pattern, line)) for line in old + new] == [True, True, False, False]


def test_services_are_kept_off_from_a_note_that_outlives_an_interruption() -> None:
    tasks = yaml.safe_load((ROLE / "tasks/packages.yml").read_text())
    names = [task["name"].partition(" | ")[2] for task in tasks]
    install = next(task for task in tasks if "block" in task)
    inside = [task["name"].partition(" | ")[2] for task in install["block"]]
    # Noted before the first package comes, forgotten after the services are off.
    assert inside.index("Note which services are to be kept off") < inside.index(
        "Install Debian packages"
    )
    off = names.index("Keep the packages' own services off")
    assert names.index("Look what an interrupted run was to keep off") < names.index(
        "Install Debian packages"
    )
    assert names[off + 1] == "Forget the note of them"
    assert tasks[off]["loop"] == "{{ openstack_lab_unwanted }}"
    assert "openstack_lab_missing" not in str(tasks[off]["when"])


def test_only_guests_that_live_are_left_to_libvirt(tmp_path: Path) -> None:
    script = (ROLE / "templates/bin/libvirtd.j2").read_text()
    loop = script[script.index("for status in") : script.index("exec /usr/sbin/libvirtd")]
    notes = tmp_path / "run/qemu"
    notes.mkdir(parents=True)
    emulator = tmp_path / "qemu-system-x86_64"
    shutil.copyfile("/bin/sh", emulator)
    emulator.chmod(0o755)

    def note(name: str, number: int) -> None:
        head = "<!--\nWARNING\n-->\n\n"
        status = f"<domstatus state='running' reason='unpaused' pid='{number}'>\n</domstatus>\n"
        (notes / f"{name}.xml").write_text(head + status)
        (notes / f"{name}.pid").write_text(str(number))

    guest = subprocess.Popen(
        [str(emulator), "-c", "read line", "-name", "guest=alive,debug-threads=on"],
        stdin=subprocess.PIPE,
    )
    note("alive", guest.pid)
    note("another", guest.pid)  # an emulator, but of another guest
    note("reused", os.getpid())
    note("gone", 2**22 + 1)  # beyond the greatest number of a process
    (notes / "driver.pid").write_text("1")
    try:
        subprocess.run(["sh", "-euc", f"private={tmp_path}\n{loop}"], check=True)
        assert sorted(path.name for path in notes.iterdir()) == [
            "alive.pid",
            "alive.xml",
            "driver.pid",
        ]
    finally:
        guest.communicate()
    # With none at all.
    subprocess.run(["sh", "-euc", f"private={tmp_path}/none\n{loop}"], check=True)
