from __future__ import annotations

import re

import pytest

from stacks.components.labels import DESCRIPTION_LIMIT, Labels

AGENCY = Labels("thu-nghiem", "so-y-te")
PROVINCE = Labels("thu-nghiem")


def test_an_agencys_objects_carry_agency_and_province() -> None:
    assert AGENCY.tags == ["agency:so-y-te", "hoaban", "province:thu-nghiem"]


def test_the_foundations_objects_carry_the_province_once() -> None:
    assert PROVINCE.tags == ["hoaban", "province:thu-nghiem"]


@pytest.mark.parametrize("labels", [AGENCY, PROVINCE, Labels("p" * 32, "a" * 32)])
def test_tags_are_what_nova_takes(labels: Labels) -> None:
    for tag in labels.tags:
        assert len(tag) <= 60
        assert not re.search("[/,]", tag)


def test_metadata_leaves_absent_values_out() -> None:
    assert PROVINCE.metadata(system=None, tier="web") == {"hoaban": "thu-nghiem", "tier": "web"}


def test_a_long_description_is_cut_before_the_owner() -> None:
    description = AGENCY.describe("x" * 400)
    assert len(description) == DESCRIPTION_LIMIT
    assert description.endswith(" [agency:so-y-te]")
