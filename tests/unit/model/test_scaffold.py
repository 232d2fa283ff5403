"""What `hoaban init` and `hoaban new` write is valid from the start."""

from __future__ import annotations

import os
import subprocess
from configparser import ConfigParser
from ipaddress import IPv6Network
from typing import TYPE_CHECKING

import pytest

from hoaban.errors import HoabanError
from hoaban.model import load, scaffold
from hoaban.model.links import LinkKind
from hoaban.model.naming import slugify
from hoaban.model.scaffold import NewAgency, NewProvince
from hoaban.model.spec import AgencyKind
from hoaban.model.summary import summarise
from hoaban.workspace import TOOLKIT_LINK, Workspace, toolkit_root

if TYPE_CHECKING:
    from pathlib import Path

NEW = NewProvince("tinh-x", 'Tỉnh "X": một', "Province X", "dc.x.example")


def test_a_new_province_is_valid_and_empty(tmp_path: Path) -> None:
    written = scaffold.init(tmp_path, NEW)
    assert all(path.is_file() for path in written.files)
    province = load(tmp_path / "inventory")
    assert province.spec.name.vi == 'Tỉnh "X": một'
    assert not province.agencies
    assert not province.links.circuits
    summary = summarise(province)
    assert (summary.agencies, summary.hosts) == (0, 2)
    assert (tmp_path / ".gitignore").read_text("utf-8").endswith(".hoaban/\n")


def test_ansible_works_in_a_new_province(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inventory plugin, playbooks and roles are found; the safeguards are those of the toolkit."""
    folder = tmp_path / "checkout"
    scaffold.init(folder, NEW)
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("ANSIBLE_", "HOABAN_"))]:
        monkeypatch.delenv(name)
    playbook = ".hoaban/toolkit/playbooks/agency.yml"
    listed = run("ansible-playbook", playbook, "--list-tasks")
    assert listed.returncode == 0, listed.stderr
    assert "firewall : " in listed.stdout
    graph = run("ansible-inventory", "--graph")
    assert graph.returncode == 0, graph.stderr
    assert f"no stack has been provisioned in {folder}/.hoaban/state yet" in graph.stderr
    config, own = ConfigParser(), ConfigParser()
    config.read(folder / "ansible.cfg")
    own.read(toolkit_root() / "ansible.cfg")
    assert config["ssh_connection"] == own["ssh_connection"]
    assert set(config["defaults"]) == set(own["defaults"])
    paths = {key: config["defaults"][key] for key in scaffold.TOOLKIT_FOLDERS}
    assert all(
        (folder / path).samefile(toolkit_root() / own["defaults"][key])
        for key, path in paths.items()
    )
    assert config["defaults"].getboolean("host_key_checking")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_fresh_clone_is_led_to_the_toolkit_of_its_machine(tmp_path: Path) -> None:
    scaffold.init(tmp_path, NEW)
    link = tmp_path / TOOLKIT_LINK
    link.unlink()
    link.symlink_to("/somewhere/else")
    Workspace.find(tmp_path).link_toolkit()
    assert link.readlink() == toolkit_root()
    assert [path.name for path in link.parent.iterdir()] == ["toolkit"]


def test_the_toolkits_own_checkout_needs_no_link() -> None:
    before = (toolkit_root() / TOOLKIT_LINK).is_symlink()
    Workspace.find(toolkit_root()).link_toolkit()
    assert not before
    assert not (toolkit_root() / TOOLKIT_LINK).is_symlink()


def test_a_province_is_never_overwritten(tmp_path: Path) -> None:
    scaffold.init(tmp_path, NEW)
    before = (tmp_path / "inventory" / "province.yml").read_bytes()
    with pytest.raises(HoabanError, match="there is a province"):
        scaffold.init(tmp_path, NEW)
    assert (tmp_path / "inventory" / "province.yml").read_bytes() == before


def test_a_gitignore_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n", "utf-8")
    scaffold.init(tmp_path, NEW)
    assert (tmp_path / ".gitignore").read_text("utf-8") == "mine\n"


def test_a_wrong_answer_writes_nothing(tmp_path: Path) -> None:
    wrong = NewProvince("tinh-x", "X", "X", "khong hop le")
    with pytest.raises(HoabanError, match="does not have the form of `domain`"):
        scaffold.init(tmp_path, wrong)
    assert not list(tmp_path.iterdir())


def test_local_prefixes_are_drawn_anew() -> None:
    prefixes = {scaffold.random_prefix() for _ in range(50)}
    assert len(prefixes) == 50
    for prefix in prefixes:
        assert IPv6Network(f"{prefix}::/48").subnet_of(IPv6Network("fd00::/8"))


@pytest.mark.parametrize(
    ("new", "kind", "name"),
    [
        (NewAgency("xa-muong-la"), AgencyKind.COMMUNE, "Xa Muong La"),
        (NewAgency("phuong-to-hieu"), AgencyKind.COMMUNE, "Phuong To Hieu"),
        (NewAgency("so-noi-vu", "Sở Nội vụ: A, B"), AgencyKind.DEPARTMENT, "Sở Nội vụ: A, B"),
        (NewAgency("cds", kind=AgencyKind.SHARED_SERVICES), AgencyKind.SHARED_SERVICES, "Cds"),
    ],
)
def test_a_new_agency_is_valid_and_has_its_addresses(
    inventory: Path, new: NewAgency, kind: AgencyKind, name: str
) -> None:
    scaffold.add_agency(inventory, new)
    province = load(inventory)
    agency = province.agencies[new.slug]
    assert (agency.kind, agency.name.vi) == (kind, name)
    circuit = province.links.primary(f"{new.slug}/tru-so")
    assert circuit is not None
    assert (circuit.kind, circuit.down_mbps) == (LinkKind.TSLCD, 50)
    plan = province.environment(new.slug)
    assert [host.name for host in plan.hosts] == [f"{new.slug}-noi-bo-app-1"]
    assert str(plan.networks[0].ipv4) == "10.2.2.64/26"


def test_without_a_backup_host_the_scaffold_promises_no_backup(inventory: Path) -> None:
    path = inventory / "province.yml"
    text = path.read_text("utf-8").replace("services: [backup_host]", "services: [pki]")
    path.write_text(text, "utf-8")
    file = inventory / "agencies" / "so-a.yml"
    backup = "    backup: {rpo_hours: 4, rto_hours: 4}\n"
    file.write_text(file.read_text("utf-8").replace(backup, ""), "utf-8")
    scaffold.add_agency(inventory, NewAgency("xa-moi"))
    assert load(inventory).agencies["xa-moi"].systems[0].backup is None


def test_an_agency_is_never_overwritten(inventory: Path) -> None:
    before = (inventory / "agencies" / "xa-b.yml").read_bytes()
    with pytest.raises(HoabanError, match="`xa-b` is there already"):
        scaffold.add_agency(inventory, NewAgency("xa-b"))
    assert (inventory / "agencies" / "xa-b.yml").read_bytes() == before


def test_a_name_in_place_of_a_slug_is_answered_with_the_slug(inventory: Path) -> None:
    with pytest.raises(HoabanError) as caught:
        scaffold.add_agency(inventory, NewAgency("Sở Nội vụ"))
    assert caught.value.mend is not None
    assert caught.value.mend.endswith("hoaban new so-noi-vu")


def test_when_no_address_is_left_no_file_stays(inventory: Path) -> None:
    for number in range(14):
        scaffold.add_agency(inventory, NewAgency(f"xa-m{number}"))
    before = (inventory / "links.yml").read_bytes()
    with pytest.raises(HoabanError, match="pool `agencies` is too small"):
        scaffold.add_agency(inventory, NewAgency("xa-cuoi"))
    assert not (inventory / "agencies" / "xa-cuoi.yml").exists()
    assert (inventory / "links.yml").read_bytes() == before
    load(inventory)


def test_faults_of_the_inventory_come_first(inventory: Path) -> None:
    (inventory / "agencies" / "xa-c.yml").write_text("slug: xa-c\n", "utf-8")
    with pytest.raises(HoabanError, match="`kind` is missing"):
        scaffold.add_agency(inventory, NewAgency("xa-moi"))
    assert not (inventory / "agencies" / "xa-moi.yml").exists()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Sở Nội vụ", "so-noi-vu"),
        ("Xã Mường É", "xa-muong-e"),
        ("Đoàn Kết", "doan-ket"),
        ("phường Chiềng Cơi", "phuong-chieng-coi"),
        ("Lóng Sập", "long-sap"),
        ("12 Tổ", "to"),
        ("ừ ử ữ ự", "u-u-u-u"),
        ("???", ""),
        ("Văn phòng Đoàn đại biểu Quốc hội và HĐND tỉnh", "van-phong-doan-dai-bieu-quoc-hoi"),
        ("a" * 40, "a" * 32),
    ],
)
def test_slugs_of_vietnamese_names(name: str, slug: str) -> None:
    assert slugify(name) == slug


def test_circuits_and_comments_that_are_there_stay(inventory: Path) -> None:
    path = inventory / "links.yml"
    path.write_text("# Mạng của tỉnh\n" + path.read_text("utf-8"), "utf-8")
    circuits = load(inventory).links.circuits
    scaffold.add_agency(inventory, NewAgency("xa-moi"))
    assert path.read_text("utf-8").startswith("# Mạng của tỉnh\n")
    now = load(inventory).links.circuits
    assert {site: now[site] for site in circuits} == circuits
    assert set(now) - set(circuits) == {"xa-moi/tru-so"}
