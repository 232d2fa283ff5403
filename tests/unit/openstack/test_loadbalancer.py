"""Changes of one load balancer: in turn, and with patience for those of others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from hoaban.engine.provider import ProviderError
from tests.unit.openstack import recorded
from tests.unit.openstack.behaviours import Balancer
from tests.unit.openstack.fake_cloud import Refused
from tests.unit.openstack.recorded import Recorded

if TYPE_CHECKING:
    from tests.cloud.lifecycle import Made, Maker
    from tests.unit.openstack.fake_services import World

MEMBER = "loadbalancer/member:Member"


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the load balancer refused because a change was under way."""
    told: list[str] = []
    change = Balancer.change

    def counting(self: Balancer) -> None:
        try:
            change(self)
        except Refused as refused:
            told.append(str(refused))
            raise

    monkeypatch.setattr(Balancer, "change", counting)
    return told


def _member(make: Maker, number: int) -> Made:
    asked = {"poolId": "pool-1", "address": f"10.0.0.{number}", "protocolPort": 80}
    return make(MEMBER, asked, f"m{number}")


def test_members_made_together_never_collide(
    make: Maker, world: World, refusals: list[str]
) -> None:
    there = Recorded(world.http, recorded.types()[f"openstack:{MEMBER}"])
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda number: _member(make, number), range(1, 7)))
        assert len({one.id for one in made}) == len(there.objects) == 6
        list(pool.map(lambda one: one.delete(), made))
    assert there.objects == {}
    assert refusals == []


def test_someone_elses_change_is_waited_out(
    make: Maker, world: World, refusals: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    init = Balancer.__init__

    def pending(self: Balancer, cloud: object) -> None:
        init(self, cloud)  # type: ignore[arg-type]
        self.pending = True

    monkeypatch.setattr(Balancer, "__init__", pending)
    Recorded(world.http, recorded.types()[f"openstack:{MEMBER}"])
    assert _member(make, 7).out("weight") == 1
    assert len(refusals) == 1


def test_another_conflict_is_told_at_once(make: Maker, world: World) -> None:
    there = Recorded(world.http, recorded.types()[f"openstack:{MEMBER}"])
    said = {"faultstring": "Another member on this pool already uses 10.0.0.7:80"}
    world.http.fail("POST", there.path, status=409, body=said)
    with pytest.raises(ProviderError, match="already uses"):
        _member(make, 7)
    assert world.http.count("POST", there.path) == 1


def test_a_load_balancer_that_fails_says_so(make: Maker, world: World) -> None:
    token = "loadbalancer/loadBalancer:LoadBalancer"
    case = recorded.types()[f"openstack:{token}"]
    there = Recorded(world.http, case)
    there.settles = ["provisioning_status", "PENDING_CREATE", "ERROR"]
    with pytest.raises(ProviderError, match="went into the state ERROR"):
        make(token, case.inputs)
