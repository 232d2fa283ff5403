"""The sample province: whole, valid, and with the names that are public."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from hoaban.model import Province, load, schema
from hoaban.model.naming import slugify
from hoaban.model.spec import AgencyKind
from hoaban.model.summary import summarise

INVENTORY = Path(__file__).resolve().parents[3] / "inventory"
FILES = sorted(INVENTORY.glob("agencies/*.yml"))


def as_json_has_it(text: str) -> Any:
    """Plain data, with dates as the texts that they are to an editor."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


@pytest.fixture(scope="module")
def sample() -> Province:
    return load(INVENTORY)


def test_every_office_has_a_circuit_and_a_place_in_the_vpn(sample: Province) -> None:
    vpn = sample.foundation().vpn
    assert vpn is not None
    offices = {f"{slug}/{s.slug}" for slug, one in sample.agencies.items() for s in one.sites}
    assert {site.name for site in vpn.sites} == offices == set(sample.links.circuits)
    assert len(offices) >= 95
    assert all(site.down_mbps and site.reaches for site in vpn.sites)


def test_twenty_departments_and_seventy_five_communes(sample: Province) -> None:
    summary = summarise(sample)
    assert summary.agencies_by_kind == {"commune": 75, "department": 19, "shared-services": 1}


def test_eight_wards_and_sixty_seven_communes_by_resolution_1681(sample: Province) -> None:
    communes = [one for one in sample.agencies.values() if one.kind is AgencyKind.COMMUNE]
    names = [one.name.vi.removeprefix("Ủy ban nhân dân ") for one in communes]
    assert sum(name.startswith("phường ") for name in names) == 8
    assert sum(name.startswith("xã ") for name in names) == 67
    assert {one.slug for one in communes} == {slugify(name) for name in names}


def test_four_agencies_are_in_full_detail(sample: Province) -> None:
    plans = {slug: sample.environment(slug) for slug in sample.agencies}
    tiers = [host.tier for host in plans["so-khoa-hoc-va-cong-nghe"].hosts]
    assert {"web", "app", "data"} == set(tiers)
    stored = {
        slug: sum(volume.size_gb for host in plan.hosts for volume in host.volumes)
        for slug, plan in plans.items()
    }
    assert max(stored, key=lambda slug: stored[slug]) == "so-nong-nghiep-va-moi-truong"
    [small] = plans["xa-long-sap"].hosts
    assert (small.size_name, stored["xa-long-sap"]) == ("tiny", 2)
    shared = sample.agencies["trung-tam-chuyen-doi-so"]
    assert any(len(system.exposure.agencies) > 10 for system in shared.systems)


def test_a_foundation_with_bastion_time_backup_logs_and_two_hubs(sample: Province) -> None:
    plan = sample.foundation()
    assert {host.name: [one.value for one in host.services] for host in plan.hosts} == {
        "bastion": ["bastion", "time"],
        "backup-1": ["backup_host", "log_host"],
        "vpn-1": ["vpn_hub", "ipsec_gateway"],
        "vpn-2": ["vpn_hub", "ipsec_gateway"],
    }
    assert [network.zone for network in plan.networks] == ["management", "services", "vpn"]
    given = {key.owner for key in sample.addresses.book.indexes if key.kind == "zone"}
    assert given == {"management", "services", "vpn", "pki", "exchange"}


@pytest.mark.parametrize("name", ["province", "agency", "links"])
def test_schemas_on_disk_are_those_of_the_models(name: str) -> None:
    path = INVENTORY / "schema" / f"{name}.schema.json"
    assert path.read_text("utf-8") == schema.texts()[path.name], "run: hoaban schema --write"


@pytest.mark.parametrize(
    "path",
    [INVENTORY / "province.yml", INVENTORY / "links.yml", *FILES],
    ids=lambda path: path.stem,
)
def test_editors_find_the_schema_and_accept_the_file(path: Path) -> None:
    text = path.read_text("utf-8")
    mark = "# yaml-language-server: $schema="
    assert text.startswith(mark)
    target = path.parent / text.splitlines()[0].removeprefix(mark)
    rules: dict[str, Any] = json.loads(target.read_text("utf-8"))
    Draft202012Validator.check_schema(rules)
    assert list(Draft202012Validator(rules).iter_errors(as_json_has_it(text))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "red"},
        {"users": "20"},
        {"users": 0},
        {"kind": "district"},
        {"slug": "Xã A"},
        {"systems": [{"slug": "a", "name": {"vi": "a", "en": "a"}, "tiers": {}}]},
        {"systems": [{"slug": "a", "name": {"vi": "a", "en": "a"}, "tiers": {"cache": {}}}]},
    ],
)
def test_the_schema_refuses_what_the_model_refuses(wrong: dict[str, Any]) -> None:
    right = as_json_has_it((INVENTORY / "agencies" / "xa-long-sap.yml").read_text("utf-8"))
    validator = Draft202012Validator(schema.schemas()["agency.schema.json"])
    assert validator.is_valid(right)
    assert not validator.is_valid(right | wrong)
