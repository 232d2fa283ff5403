"""The check of tunnels to the centre: only what was seen working is called so."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.inventory.fleet import Fleet
from hoaban.model.centre import CentreLink, CentrePeer
from hoaban.model.spec import ProvinceService
from hoaban.model.types import Text
from hoaban.testing import estate, measured
from hoaban.verify.checks.centre import CentreTunnels
from hoaban.verify.facts import Facts
from hoaban.verify.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from hoaban.verify.scene import Scene
    from hoaban.workspace import Workspace

FIRST, SECOND = estate.BACKUP, estate.BASTION
LINK = CentreLink(
    identity="gateway.sonla.example",
    peers=[
        CentrePeer(name="one", addresses=[ip_address("203.0.113.1")], identity="one.centre"),
        CentrePeer(name="two", addresses=[ip_address("203.0.113.2")], identity="two.centre"),
    ],
    authorities=[],
    certificates={},
    crls=[],
    revocation="strict",
    post_quantum="prefer",
    local_networks=[ip_network("10.64.0.0/24")],
    remote_networks=[ip_network("198.51.100.0/24")],
)


def told(*, tunnel: bool, days: float = 90) -> dict[str, Any]:
    """What ``ipsec-gateway status`` prints."""
    sa = {
        "peer": "one", "state": "ESTABLISHED", "remote-id": "one.centre", "version": "2",
        "encr-alg": "AES_GCM_16", "encr-keysize": "256", "prf-alg": "PRF_HMAC_SHA2_384",
        "dh-group": "ECP_384", "ake1": "ML_KEM_768",
        "child-sas": [
            {"state": "INSTALLED", "encr-alg": "AES_GCM_16", "encr-keysize": "256"},
        ],
    }  # fmt: skip
    until = datetime.now(UTC) + timedelta(days=days)
    return {
        "version": "6.0.1",
        "post_quantum": True,
        "certificate": {"subject": "CN=x", "issuer": "CN=y", "notAfter": f"{until:%F %T}Z"},
        "peers": ["one", "two"],
        "traps": ["one"],
        "sas": [sa] if tunnel else [],
    }


@pytest.fixture
def look(provisioned: Workspace) -> Callable[..., list[tuple[str | None, Status, str]]]:
    """Findings, when two hosts are gateways and tell this."""
    fleet = Fleet.read(provisioned)
    usual = measured.scene(fleet, None)
    assert usual.settings is not None

    def seen(first: Any, second: Any, **link: Any) -> list[tuple[str | None, Status, str]]:
        answers = {FIRST: first, SECOND: second}
        hosts, facts = [], {}
        for host in usual.hosts:
            services = [*host.plan.services, ProvinceService.IPSEC_GATEWAY]
            plan = host.plan.model_copy(update={"services": services})
            hosts.append(dataclasses.replace(host, plan=plan))
            raw = measured.facts(host, usual.settings)
            facts[host.name] = Facts.model_validate(raw | {"ipsec": answers[host.name]})
        settings = usual.settings.model_copy(update={"centre": LINK.model_copy(update=link)})
        scene = dataclasses.replace(usual, hosts=hosts, facts=facts, settings=settings)
        return findings(scene)

    return seen


def findings(scene: Scene) -> list[tuple[str | None, Status, str]]:
    found = CentreTunnels().report(scene).findings
    return sorted((one.host, one.status, one.evidence.en) for one in found)


def test_one_has_the_tunnel_and_the_other_stands_by(look: Callable[..., Any]) -> None:
    first, second = look(told(tunnel=True), told(tunnel=False))
    assert (first[0], first[1]) == (FIRST, Status.PASS)
    assert (
        "tunnel with one.centre (AES_GCM_16_256, PRF_HMAC_SHA2_384, ECP_384+ML_KEM_768)"
        in (first[2])
    )
    assert (second[0], second[1]) == (SECOND, Status.PASS)
    assert second[2].startswith("waits for traffic; certificate valid until 20")


def test_a_tunnel_that_nothing_has_asked_for_is_not_proved(look: Callable[..., Any]) -> None:
    for _, status, words in look(told(tunnel=False), told(tunnel=False)):
        assert status is Status.SKIP
        assert "nothing has asked for a tunnel yet" in words


def test_without_a_certificate_nothing_is_proved(look: Callable[..., Any]) -> None:
    bare = told(tunnel=False) | {"certificate": None, "traps": []}
    for _, status, words in look(bare, bare):
        assert status is Status.SKIP
        assert "no certificate for the host's key yet" in words


def change_sa(**values: Any) -> dict[str, Any]:
    base = told(tunnel=True)
    return base | {"sas": [base["sas"][0] | values]}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "the IKE daemon gives no answer"),
        (change_sa(**{"remote-id": "somebody.else"}), "a tunnel with somebody.else"),
        (change_sa(**{"encr-alg": "3DES_CBC", "encr-keysize": "168"}), "a weak algorithm: 3DES"),
        (
            change_sa(**{"child-sas": [{"state": "INSTALLED", "encr-alg": "NULL"}]}),
            "a weak algorithm: NULL",
        ),
        (told(tunnel=True, days=13), "the certificate ends in less than 14 days"),
        (told(tunnel=True) | {"certificate": {"notAfter": "soon"}}, "end is unreadable"),
        (told(tunnel=False) | {"traps": []}, "no trap waits for traffic"),
    ],
)
def test_faults(look: Callable[..., Any], answer: Any, says: str) -> None:
    host, status, words = look(answer, told(tunnel=True))[0]
    assert (host, status) == (FIRST, Status.FAIL)
    assert says in words


def test_ml_kem_that_is_required_must_have_been_used(look: Callable[..., Any]) -> None:
    classic = change_sa(ake1="")
    assert look(classic, told(tunnel=False))[0][1] is Status.PASS
    _, status, words = look(classic, told(tunnel=False), post_quantum="require")[0]
    assert status is Status.FAIL
    assert "without ML-KEM" in words


def test_half_a_tunnel_is_none(look: Callable[..., Any]) -> None:
    for half in (change_sa(state="CONNECTING"), change_sa(**{"child-sas": []})):
        assert [one[1] for one in look(half, told(tunnel=False))] == [Status.SKIP, Status.SKIP]


def test_silent_hosts_are_skipped_and_where_nothing_is_promised_there_is_nothing_to_prove(
    provisioned: Workspace,
) -> None:
    usual = measured.scene(Fleet.read(provisioned), None)
    assert [one[1] for one in findings(usual)] == [Status.NONE]
    assert usual.settings is not None
    linked = usual.settings.model_copy(update={"centre": LINK})
    assert [one[1] for one in findings(dataclasses.replace(usual, settings=linked))] == [
        Status.NONE
    ]
    hosts = [
        dataclasses.replace(
            host,
            plan=host.plan.model_copy(update={"services": [ProvinceService.IPSEC_GATEWAY]}),
        )
        for host in usual.hosts
    ]
    silent = {host.name: Text(vi="im", en="silent") for host in hosts}
    scene = dataclasses.replace(usual, hosts=hosts, settings=linked, facts={}, silent=silent)
    assert {one[1] for one in findings(scene)} == {Status.SKIP}
