"""publiccode.yml against the standard of that name, version 0.5: mandatory keys and closed lists.

Source: https://yml.publiccode.tools/schema.core.html, categories-list.html and scope-list.html.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
MANDATORY = (
    "publiccodeYmlVersion",
    "name",
    "url",
    "platforms",
    "categories",
    "developmentStatus",
    "softwareType",
    "description",
    "legal.license",
    "maintenance.type",
    "maintenance.contacts",  # where the type is internal or community
    "localisation.localisationReady",
    "localisation.availableLanguages",
)
STATUSES = {"concept", "development", "beta", "stable", "obsolete"}
TYPES = {
    "standalone/mobile",
    "standalone/iot",
    "standalone/desktop",
    "standalone/web",
    "standalone/backend",
    "standalone/other",
    "addon",
    "library",
    "configurationFiles",
}
CATEGORIES = {  # those of the list that such a toolkit could have
    "backup",
    "cloud-management",
    "compliance-management",
    "it-asset-management",
    "it-development",
    "it-management",
    "it-security",
    "it-service-management",
    "network-management",
}
SCOPES = {"infrastructures", "local-authorities", "science-and-technology", "security"}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "publiccode.yml").read_text("utf-8"))
    return content


@pytest.mark.parametrize("key", MANDATORY)
def test_a_mandatory_key_is_there(told: dict[str, Any], key: str) -> None:
    value: Any = told
    for part in key.split("."):
        assert part in value, f"publiccode.yml lacks {key}"
        value = value[part]
    assert value not in ("", [], {}, None)


def test_the_address_is_one(told: dict[str, Any]) -> None:
    parts = urlsplit(told["url"])
    assert parts.scheme == "https"
    assert parts.hostname


def test_words_of_closed_lists(told: dict[str, Any]) -> None:
    assert told["developmentStatus"] in STATUSES
    assert told["softwareType"] in TYPES
    assert set(told["categories"]) <= CATEGORIES
    assert set(told["intendedAudience"]["scope"]) <= SCOPES
    assert told["maintenance"]["type"] in {"internal", "contract", "community", "none"}
    assert all("name" in contact for contact in told["maintenance"]["contacts"])


@pytest.mark.parametrize("language", ["vi", "en"])
def test_each_language_says_what_it_is(told: dict[str, Any], language: str) -> None:
    words = told["description"][language]
    assert len(words["shortDescription"]) <= 150
    assert 150 <= len(words["longDescription"]) <= 10_000
    assert len(words["features"]) == len(set(words["features"])) >= 5
    assert language in told["localisation"]["availableLanguages"]


def test_version_date_and_licence_are_those_of_the_package(told: dict[str, Any]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert told["softwareVersion"] == project["version"]
    assert told["legal"]["license"] == project["license"]
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", told["releaseDate"])
    assert date.fromisoformat(told["releaseDate"])
