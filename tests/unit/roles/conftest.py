"""The roles of the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from hoaban.roles import Role, find_roles

ROOT = Path(__file__).resolve().parents[3]
ROLES = find_roles(ROOT)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``role`` is run for each."""
    if "role" in metafunc.fixturenames:
        metafunc.parametrize("role", ROLES, ids=[role.name for role in ROLES])


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def some_role(tmp_path: Path) -> Role:
    """A role with three variables, one of them with suboptions."""
    path = tmp_path / "roles/some"
    (path / "meta").mkdir(parents=True)
    (path / "defaults").mkdir()
    (path / "meta/argument_specs.yml").write_text(SPEC)
    (path / "meta/main.yml").write_text("galaxy_info: {galaxy_tags: [guest]}\n")
    (path / "defaults/main.yml").write_text("some_packages: [nano, less]\nsome_port: 80\n")
    return Role(path)


SPEC = """\
argument_specs:
  main:
    short_description: Something
    options:
      some_packages:
        type: list
        elements: str
        default: [nano, less]
        description: Packages | programs.
      some_port:
        type: int
        default: 80
        choices: [80, 443]
        description: [Port of C(httpd)., "See O(some_users)."]
      some_users:
        type: list
        elements: dict
        required: true
        options:
          name:
            required: true
            description: Name.
"""
