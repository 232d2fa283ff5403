from __future__ import annotations

from stacks.components.labels import Labels
from stacks.components.sizes import SizesComponent, SizesProps
from tests.unit import factories
from tests.unit.stacks.recording import record


def test_each_size_is_a_public_flavor_of_the_province() -> None:
    sizes = factories.province_spec().sizes
    flavors = record(
        lambda: SizesComponent(SizesProps(sizes=sizes, labels=Labels("thu-nghiem")))
    ).of("Flavor")
    assert {
        name: (f.inputs["name"], f.inputs["vcpus"], f.inputs["ram"], f.inputs["disk"])
        for name, f in flavors.items()
    } == {
        "small": ("hoaban.thu-nghiem.small", 1, 1024, 3),
        "large": ("hoaban.thu-nghiem.large", 4, 8192, 20),
    }
    for flavor in flavors.values():
        assert flavor.inputs["isPublic"] is True
        assert flavor.delete_before_replace
        assert flavor.inputs["description"].endswith("[province:thu-nghiem]")
