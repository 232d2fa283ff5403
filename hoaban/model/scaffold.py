"""Write what people then fill in: a province's inventory, an agency's file.

What is written is valid from the start, and addresses are given at once.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from ipaddress import IPv6Network
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hoaban.errors import HoabanError, Location
from hoaban.files import write_atomic
from hoaban.model import ledgerfile, linksfile, schema
from hoaban.model.document import parse_document
from hoaban.model.files import AGENCIES, LEDGER, LINKS, PROVINCE
from hoaban.model.links import site_name
from hoaban.model.loader import read
from hoaban.model.naming import slugify
from hoaban.model.spec import AgencyKind, AgencySpec, ProvinceService, ProvinceSpec
from hoaban.model.validation import validate
from hoaban.workspace import TOOLKIT_LINK, Workspace, toolkit_root

if TYPE_CHECKING:
    from pathlib import Path

GITIGNORE = "# State and keys of stacks: secret, and not for version control.\n.hoaban/\n"
ANSIBLE_INVENTORY = "# Ansible's inventory is read from the stacks' state.\nplugin: hoaban\n"
ANSIBLE_HEAD = f"""\
# ansible-inventory and ansible-playbook work in this folder with nothing but this file:
#   ansible-inventory --graph
#   ansible-playbook {TOOLKIT_LINK}/playbooks/agency.yml --check
# {TOOLKIT_LINK} leads to the toolkit of this machine; after a fresh clone, `hoaban check` makes it.
"""
TOOLKIT_FOLDERS = (
    "roles_path",
    "library",
    "action_plugins",
    "filter_plugins",
    "inventory_plugins",
)
"""Settings of the toolkit's ansible.cfg that name folders of the toolkit."""
LAB_HOST = ("172.31.77.1/32", "fd77:6f61:6261:6e00::1/128")
"""Where the lab's own machine reaches the bastion from."""
FIRST_SITE = "tru-so"
"""The office that an agency's file begins with."""
FIRST_CIRCUIT: dict[str, Any] = {
    "role": "primary",
    "provider": "VNPT",
    "kind": "tslcd",
    "down_mbps": 50,
    "up_mbps": 50,
}
_COMMUNES = ("xa-", "phuong-", "thi-tran-", "dac-khu-")


@dataclass(frozen=True, slots=True)
class NewProvince:
    """What the inventory of a new province begins with."""

    slug: str
    name_vi: str
    name_en: str
    domain: str
    cloud: str = "lab"
    external_network: str = "public"
    admin_networks: tuple[str, ...] = LAB_HOST


@dataclass(frozen=True, slots=True)
class NewAgency:
    """What the file of a new agency begins with; ``kind`` None is guessed from the slug."""

    slug: str
    name_vi: str | None = None
    name_en: str | None = None
    kind: AgencyKind | None = None
    level: int = 2
    users: int = 20


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    files: list[Path] = field(default_factory=list)


def init(folder: Path, new: NewProvince) -> Written:
    """Make the inventory of a province in a folder; refuses to touch one that is there."""
    inventory = folder / "inventory"
    path = inventory / PROVINCE
    if path.exists():
        raise HoabanError(
            f"there is a province in {folder} already",
            where=Location(file=str(path)),
            mend="choose another folder, or add agencies to it: hoaban new AGENCY",
        )
    values = {
        **asdict(new),
        "prefix": random_prefix(),
        "prefix_of_agencies": random_prefix(),
    }
    text = _render("province/province.yml.j2", values)
    validate(parse_document(text.encode(), f"inventory/{PROVINCE}"), ProvinceSpec)
    files = {
        path: text,
        inventory / "hoaban.yml": ANSIBLE_INVENTORY,
        inventory / LINKS: linksfile.HEADER,
        inventory / AGENCIES / ".gitkeep": "",
    }
    for name, content in (("ansible.cfg", ansible_config()), (".gitignore", GITIGNORE)):
        if not (folder / name).exists():
            files[folder / name] = content
    for target, content in files.items():
        _write(target, content)
    schemas = schema.write(inventory)
    ledgerfile.allocate(inventory)
    root = folder.resolve()
    Workspace(root, root / ".hoaban").link_toolkit()
    return Written([*files, *schemas, inventory / LEDGER])


def ansible_config() -> str:
    """The toolkit's ansible.cfg as a province has it, its folders found by the link."""
    text = (toolkit_root() / "ansible.cfg").read_text(encoding="utf-8")
    lines = text[text.index("[defaults]") :].splitlines()
    for number, line in enumerate(lines):
        key, equals, value = line.partition(" = ")
        if equals and key in TOOLKIT_FOLDERS:
            lines[number] = f"{key} = {TOOLKIT_LINK}/{value}"
    return ANSIBLE_HEAD + "\n".join(lines) + "\n"


def add_agency(inventory: Path, new: NewAgency) -> Written:
    """Write an agency's file and its office's circuit, and give it its addresses.

    Nothing stays when that fails.
    """
    _check_slug(new.slug)
    path = inventory / AGENCIES / f"{new.slug}.yml"
    files = read(inventory)
    if path.exists():
        raise HoabanError(
            f"the agency `{new.slug}` is there already",
            where=Location(file=f"{inventory.name}/{AGENCIES}/{path.name}"),
            mend="edit its file, or choose another name",
        )
    province = files.province.value
    sizes = sorted(province.sizes, key=lambda name: province.sizes[name].ram_mb)
    title = new.slug.replace("-", " ").title()
    values = {
        **asdict(new),
        "name_vi": new.name_vi or title,
        "name_en": new.name_en or title,
        "kind": (new.kind or guess_kind(new.slug)).value,
        "size": sizes[0],
        "sizes": sizes,
        "backup": any(ProvinceService.BACKUP_HOST in h.services for h in province.hosts.values()),
    }
    text = _render("agency/agency.yml.j2", values)
    validate(parse_document(text.encode(), f"{AGENCIES}/{path.name}"), AgencySpec)
    links = inventory / LINKS
    before = links.read_text(encoding="utf-8") if links.exists() else None
    _write(path, text)
    try:
        linksfile.add_circuit(links, site_name(new.slug, FIRST_SITE), FIRST_CIRCUIT)
        ledgerfile.allocate(inventory)
    except BaseException:
        with suppress(FileNotFoundError):
            path.unlink()
        if before is not None:
            write_atomic(links, before)
        else:
            links.unlink(missing_ok=True)
        raise
    return Written([path, links, inventory / LEDGER])


def guess_kind(slug: str) -> AgencyKind:
    """What an agency most likely is, by the first word of its slug."""
    return AgencyKind.COMMUNE if slug.startswith(_COMMUNES) else AgencyKind.DEPARTMENT


def random_prefix() -> str:
    """The first 48 bits of a unique local prefix, 40 of them random (RFC 4193, section 3.2)."""
    network = IPv6Network(((0xFD << 120) | (secrets.randbits(40) << 80), 48))
    return ":".join(f"{int(group, 16):x}" for group in network.exploded.split(":")[:3])


def _check_slug(slug: str) -> None:
    right = slugify(slug)
    if right != slug:
        raise HoabanError(
            f"`{slug}` can't be the slug of an agency",
            mend=f"use lower-case letters, digits and hyphens: hoaban new {right or 'so-noi-vu'}",
        )


def _render(template: str, values: dict[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(toolkit_root() / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - what is written is YAML, and read back before it counts
    )
    # A JSON text is a YAML text, whatever it holds.
    environment.filters["quoted"] = lambda text: json.dumps(text, ensure_ascii=False)
    return environment.get_template(template).render(values)


def _write(path: Path, text: str) -> None:
    try:
        write_atomic(path, text)
    except OSError as error:
        raise HoabanError(
            f"{path} can't be written: {error.strerror}",
            mend="make the folder writable, or free space on its disk",
        ) from error
