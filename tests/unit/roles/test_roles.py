"""Every role says the same of itself everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from hoaban.docsgen import render, table
from hoaban.errors import HoabanError
from hoaban.roles import Role, find_roles, guest_packages

if TYPE_CHECKING:
    from pathlib import Path


def test_defaults_are_those_of_the_specification(role: Role) -> None:
    specified = {name: o["default"] for name, o in role.options.items() if "default" in o}
    assert role.defaults == specified


def test_variables_carry_the_roles_name_and_a_description(role: Role) -> None:
    for name, option in role.options.items():
        assert name.startswith(f"{role.name}_")
        assert option.get("description"), name


def test_required_variables_have_no_default(role: Role) -> None:
    both = [
        n for n, option in role.options.items() if option.get("required") and "default" in option
    ]
    assert both == []


def test_readme_is_up_to_date(role: Role) -> None:
    text = (role.path / "README.md").read_text(encoding="utf-8")
    assert render(role) == text, "run: python -m hoaban.docsgen"


def test_roles_for_servers_have_a_scenario_and_refuse_unknown_variables(role: Role) -> None:
    if not role.for_guests:
        pytest.skip("configures the machine of an engineer")
    scenario = yaml.safe_load((role.path / "molecule/default/molecule.yml").read_text())
    assert scenario["platforms"]
    tasks = yaml.safe_load((role.path / "tasks/main.yml").read_text())
    assert "known_variables" in tasks[0]


def test_the_guest_image_carries_the_packages_of_the_roles(root: Path) -> None:
    lines = (root / "hoaban/image/recipe/packages.txt").read_text(encoding="utf-8").splitlines()
    carried = {line.partition("#")[0].strip() for line in lines}
    assert set(guest_packages(root)) - carried == set()


def test_finds_roles_and_packages(some_role: Role) -> None:
    root = some_role.path.parents[1]
    (root / "roles/unspecified").mkdir()
    assert [role.name for role in find_roles(root)] == ["some"]
    assert guest_packages(root) == ["less", "nano"]


def test_table_of_variables(some_role: Role) -> None:
    assert table(some_role).splitlines() == [
        "| Variable | Type | Default | Description |",
        "|---|---|---|---|",
        r'| `some_packages` | list of str | `["nano", "less"]` | Packages \| programs. |',
        "| `some_port` | int | `80` | Port of `httpd`. See `some_users`. One of `80`, `443`. |",
        "| `some_users` | list of dict | required |  |",
        "| `some_users[].name` | str | required | Name. |",
    ]


def test_table_goes_between_its_marks(some_role: Role) -> None:
    readme = some_role.path / "README.md"
    with pytest.raises(HoabanError, match="has no place for its variables"):
        render(some_role)
    begin = "<!-- variables: made by python -m hoaban.docsgen -->"
    readme.write_text(f"# some\n{begin}\nold\n<!-- end of variables -->\nafter\n")
    text = render(some_role)
    assert text.startswith(f"# some\n{begin}\n| Variable")
    assert "old" not in text
    assert text.endswith("<!-- end of variables -->\nafter\n")


def test_unknown_variables(some_role: Role) -> None:
    names = ["some_port", "some_prot", "somewhere", "__some_private", "some_users"]
    assert some_role.unknown_variables(names) == ["some_prot"]


def test_specification_without_its_entry_point(some_role: Role) -> None:
    (some_role.path / "meta/argument_specs.yml").write_text("argument_specs: {}\n")
    with pytest.raises(HoabanError, match="does not specify its entry point main"):
        _ = Role(some_role.path).options


def test_specification_that_is_not_yaml(some_role: Role) -> None:
    (some_role.path / "meta/argument_specs.yml").write_text("argument_specs: [\n")
    with pytest.raises(HoabanError, match="is not YAML"):
        _ = Role(some_role.path).options
