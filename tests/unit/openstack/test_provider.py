"""The provider as a whole: configuration, previews, errors, threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.provider import DiffKind, ProviderError, ResourceState
from hoaban.engine.values import UNKNOWN
from hoaban.openstack import OpenStackProvider
from tests.cloud.lifecycle import Maker, check, key
from tests.unit.openstack.fake_cloud import HOST, PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.openstack.fake_services import World

NETWORK = "openstack:networking/network:Network"
PORT = "openstack:networking/port:Port"
SUBNET = "openstack:networking/subnet:Subnet"
SCOPE = "openstack:identity/getAuthScope:getAuthScope"


def urn(token: str, name: str = "thing") -> str:
    return f"urn:pulumi:test::test::{token}::{name}"


def configured(environ: dict[str, str], **settings: Any) -> OpenStackProvider:
    provider = OpenStackProvider(environ)
    result = provider.check_config(settings)
    assert not result.failures, result.failures
    provider.configure(result.inputs, preview=False)
    return provider


# --- configuration -----------------------------------------------------------------------------


def test_nothing_is_asked_before_it_is_needed(provider: OpenStackProvider, world: World) -> None:
    provider.check(urn(NETWORK), NETWORK, {}, {})
    assert world.http.log == []


def test_one_login_for_all_threads(provider: OpenStackProvider, world: World) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: provider.invoke(SCOPE, {"name": "x"}), range(32)))
    assert world.http.count("POST", ".*/auth/tokens") == 1


def test_scope_among_the_settings_wins(world: World, environ: dict[str, str]) -> None:
    provider = configured(environ, tenantId="agency-project", version="5.5.3", __internal={})
    assert provider.invoke(SCOPE, {"name": "x"})["projectId"] == "agency-project"
    scope = world.http.last("POST", ".*/auth/tokens").body["auth"]["scope"]
    assert scope == {"project": {"id": "agency-project"}}


def test_settings_may_be_json_text(world: World, environ: dict[str, str]) -> None:
    provider = configured(
        environ,
        insecure="true",
        maxRetries="2",
        endpointOverrides='{"network": "http://other/v2.0"}',
    )
    with pytest.raises(ProviderError):
        provider.invoke("openstack:networking/getNetwork:getNetwork", {"name": "public"})
    assert world.http.log[-1].path.startswith("/v2.0/networks")


def test_environment_alone_is_enough(world: World, tmp_path: Path) -> None:
    provider = configured(
        {
            "OS_CLIENT_CONFIG_FILE": str(tmp_path / "none.yaml"),
            "OS_AUTH_URL": f"{HOST}/identity/v3",
            "OS_USERNAME": "admin",
            "OS_PASSWORD": PASSWORD,
            "OS_PROJECT_NAME": "from-environment",
            "OS_USER_DOMAIN_ID": "default",
            "OS_PROJECT_DOMAIN_ID": "default",
            "OS_REGION_NAME": "RegionTwo",
        }
    )
    found = provider.invoke(SCOPE, {"name": "x"})
    assert (found["projectName"], found["region"]) == ("from-environment", "RegionTwo")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"clud": "lab"}, "no provider setting clud"),
        ({"insecure": "perhaps"}, "expected a boolean"),
        ({"swauth": True}, "not supported"),
        ({"cacertFile": "-----BEGIN CERTIFICATE-----"}, "path of a file"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], said: str) -> None:
    failures = OpenStackProvider({}).check_config(settings).failures
    assert any(said in failure.reason for failure in failures)


def test_changed_settings_are_told() -> None:
    provider = OpenStackProvider({})
    found = provider.diff_config(
        {"cloud": "a", "insecure": "true"}, {"cloud": "b", "insecure": True}
    )
    assert found.changes == {"cloud": DiffKind.UPDATE}
    assert not found.replaces


# --- errors of the cloud -----------------------------------------------------------------------


def test_cloud_that_is_not_in_the_file(world: World, environ: dict[str, str]) -> None:
    provider = configured(environ, cloud="elsewhere")
    with pytest.raises(
        ProviderError, match=r"no cloud 'elsewhere' in clouds.yaml \(found: lab\)"
    ) as e:
        provider.invoke(SCOPE, {"name": "x"})
    assert e.value.where is not None
    assert e.value.where.key == "clouds.elsewhere"
    assert "OS_CLIENT_CONFIG_FILE" in (e.value.mend or "")


def test_file_that_is_not_yaml(world: World, environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "clouds.yaml").write_text("clouds: [")
    with pytest.raises(ProviderError, match=r"clouds.yaml:1: the file of clouds is not YAML"):
        configured(environ).invoke(SCOPE, {"name": "x"})


def test_file_that_is_not_there(world: World, environ: dict[str, str], tmp_path: Path) -> None:
    missing = {**environ, "OS_CLIENT_CONFIG_FILE": str(tmp_path / "none.yaml")}
    with pytest.raises(ProviderError, match=r"none.yaml: the file of clouds cannot be read"):
        configured(missing).invoke(SCOPE, {"name": "x"})


def test_entry_without_a_password(world: World, environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if "password:" not in line))
    with pytest.raises(ProviderError, match="cloud `lab` has a user and no password") as caught:
        configured(environ).invoke(SCOPE, {"name": "x"})
    assert "clouds.yaml" in (caught.value.mend or "")
    assert world.http.count("POST", ".*/auth/tokens") == 0


def test_wrong_password(world: World, environ: dict[str, str]) -> None:
    provider = configured(environ, password="not-the-password")
    with pytest.raises(ProviderError, match="refused the credentials") as caught:
        provider.invoke(SCOPE, {"name": "x"})
    assert "clouds.yaml" in (caught.value.mend or "")
    assert "not-the-password" not in f"{caught.value}{caught.value.detail}"
    assert world.http.count("POST", ".*/auth/tokens") == 1, "a wrong password is tried once"


def test_cloud_that_is_down(world: World, environ: dict[str, str]) -> None:
    world.http.fail("GET", "/identity", times=99)
    world.http.fail("POST", "/identity", times=99)
    with pytest.raises(ProviderError, match=r"cannot reach the identity service at http://cloud.test"
                       r".*: connection refused") as caught:  # fmt: skip
        configured(environ).invoke(SCOPE, {"name": "x"})
    assert "is up" in (caught.value.mend or "")


def test_service_that_is_down(provider: OpenStackProvider, world: World) -> None:
    provider.invoke(SCOPE, {"name": "x"})
    world.http.fail("GET", "/os-availability-zone", times=99)
    with pytest.raises(ProviderError, match="cannot reach the compute service"):
        provider.invoke("openstack:compute/getAvailabilityZones:getAvailabilityZones", {})
    assert world.http.count("GET", ".*/os-availability-zone") == 4, "tried again a few times"


def test_service_that_is_down_for_a_moment(make: Maker, world: World) -> None:
    world.http.fail("GET", "/extensions", times=1)
    world.http.fail("POST", "/networks", times=2)  # refused: never sent, so it may be sent again
    assert make("networking/network:Network", {}).id in world.neutron.networks.objects


def test_broken_connection_makes_nothing_twice(make: Maker, world: World) -> None:
    world.http.fail("POST", "/ports", after=True)
    network = make("networking/network:Network", {})
    port = make("networking/port:Port", {"networkId": network.id})
    assert list(world.neutron.ports.objects) == [port.id]
    assert world.http.count("POST", ".*/ports") == 1


@pytest.mark.parametrize("fault", [{"status": status} for status in (502, 503, 504)] + [{}])
def test_what_may_have_been_made_and_is_not_seen_yet_is_undecided(
    make: Maker, provider: OpenStackProvider, world: World, fault: dict[str, int]
) -> None:
    """The cloud shows the object only after the look-up: the next run must find it."""
    network = make("networking/network:Network", {}, "net")
    inputs = check(provider, urn(PORT), PORT, {}, {"networkId": network.id})
    mark = key()
    world.http.fail("POST", "/ports", **(fault or {"after": True}))
    world.http.fail("GET", "/ports", status=200, body={"ports": []}, times=2)
    with pytest.raises(ProviderError, match="cannot create port") as caught:
        provider.create(urn(PORT), PORT, inputs, key=mark, timeout=None, preview=False)
    assert not world.http.faults, "looked for, by the mark and by what was asked"
    assert caught.value.undecided
    found = provider.find(urn(PORT), PORT, inputs, mark)
    assert ([found.id] if found else []) == list(world.neutron.ports.objects)


def test_what_the_cloud_refuses_is_decided(make: Maker, world: World) -> None:
    world.http.fail("POST", "/networks", status=409, body={"NeutronError": {"message": "no"}})
    with pytest.raises(ProviderError, match="no") as caught:
        make("networking/network:Network", {})
    assert not caught.value.undecided
    assert world.http.count("GET", ".*/networks") == 0, "nothing to look for"


def test_object_without_a_mark_is_found_when_it_is_the_only_one(make: Maker, world: World) -> None:
    world.http.fail("POST", "/networks", after=True)
    network = make("networking/network:Network", {"name": "ours", "mtu": 1300})
    held = world.neutron.networks.objects[network.id]
    assert len([tag for tag in held["tags"] if tag.startswith("hoaban:")]) == 1


def test_objects_of_others_are_never_adopted(make: Maker, world: World) -> None:
    world.neutron.networks.make({"name": "ours", "tags": ["hoaban:" + "a" * 32]})
    world.neutron.networks.make({"name": "ours", "mtu": 900})
    checked = check(make.provider, urn(NETWORK), NETWORK, {}, {"name": "ours", "mtu": 1300})
    assert make.provider.find(urn(NETWORK), NETWORK, checked, key()) is None


def test_error_names_what_was_tried_and_the_request(make: Maker, world: World) -> None:
    said = {"NeutronError": {"message": "Invalid input for mtu.", "type": "HTTPBadRequest"}}
    world.http.fail("POST", "/networks", status=400, body=said)
    with pytest.raises(ProviderError) as caught:
        make("networking/network:Network", {"name": "wide"}, "net")
    error = caught.value
    assert error.what == "cannot create network wide: Invalid input for mtu."
    assert error.where is not None
    assert error.where.urn == "urn:pulumi:test::test::" + NETWORK + "::hoaban-test-net"
    assert error.where.request_id == "req-f"


@pytest.mark.parametrize(
    ("status", "body", "said", "mend"),
    [
        (403, {"forbidden": {"message": "Policy doesn't allow it", "code": 403}}, "Policy", "role"),
        (403, {"forbidden": {"message": "Quota exceeded for cores: Requested 4, but already used "
                             "8 of 10 cores"}}, "used 8 of 10 cores", "quota"),
        (413, {"overLimit": {"message": "VolumeSizeExceedsAvailableQuota"}}, "Volume", "quota"),
        (500, {"computeFault": {"message": "Unexpected API Error."}}, "Unexpected", "req-f"),
        (503, "<html><body><h1>503 Service Unavailable</h1>\n No server</body></html>",
         "503 Service Unavailable No server", "log of the cloud's network service"),
        (400, {"badRequest": {"message": ""}}, "HTTP 400", None),
    ],
)  # fmt: skip
def test_words_of_the_cloud(
    make: Maker, world: World, status: int, body: Any, said: str, mend: str | None
) -> None:
    world.http.fail("POST", "/networks", status=status, body=body, times=9)
    with pytest.raises(ProviderError, match=said) as caught:
        make("networking/network:Network", {})
    assert (mend or "") in (caught.value.mend or "")


def test_password_never_appears(make: Maker, world: World) -> None:
    body = {"error": {"message": f"I was told {PASSWORD}"}}
    world.http.fail("POST", "/networks", status=400, body=body)
    with pytest.raises(ProviderError, match=r"I was told \[secret\]"):
        make("networking/network:Network", {})


# --- functions ---------------------------------------------------------------------------------


def test_function_that_finds(provider: OpenStackProvider, world: World) -> None:
    found = provider.invoke(
        "openstack:networking/getNetwork:getNetwork", {"name": "public", "external": True}
    )
    assert found["id"] == world.neutron.external["id"]
    assert found["adminStateUp"] == "true"


@pytest.mark.parametrize(
    ("token", "args", "said"),
    [
        ("networking/getNetwork:getNetwork", {"name": "pubic"}, "no network with name 'pubic'"),
        ("compute/getFlavor:getFlavor", {"name": "huge"}, "no flavor with name 'huge'"),
        ("images/getImage:getImage", {"name": "debian"}, "no image with name 'debian'"),
        ("identity/getRole:getRole", {"name": "king"}, "no role with name 'king'"),
        ("compute/getKeypair:getKeypair", {"name": "k"}, "no key pair 'k'"),
        ("identity/getRole:getRole", {}, "name: is required"),
        ("identity/getRole:getRole", {"name": "a", "nom": "b"}, "nom: there is no such argument"),
        ("firewall/getGroupV2:getGroupV2", {"name": "a"}, "has no function"),
    ],
)
def test_function_that_finds_nothing(
    provider: OpenStackProvider, token: str, args: dict[str, Any], said: str
) -> None:
    with pytest.raises(ProviderError, match=said) as caught:
        provider.invoke(f"openstack:{token}", args)
    assert caught.value.mend or "required" in said or "argument" in said


def test_function_that_finds_two(provider: OpenStackProvider, world: World) -> None:
    for number in (1, 2):
        world.neutron.networks.make({"name": "twin", "mtu": number})
    token = "openstack:networking/getNetwork:getNetwork"
    with pytest.raises(ProviderError, match="2 networks fit name 'twin'"):
        provider.invoke(token, {"name": "twin"})
    found = provider.invoke(token, {"name": "twin", "mtu": 2})
    assert found["mtu"] == 2
    assert provider.invoke(token, {"networkId": found["id"]})["name"] == "twin"


def test_newest_image(provider: OpenStackProvider, world: World) -> None:
    asked = type("Asked", (), {})
    for day in ("01", "03", "02"):
        asked.body = {"name": "debian", "created_at": f"2026-01-{day}T00:00:00Z"}
        world.images.post(asked, None)  # type: ignore[arg-type]
    token = "openstack:images/getImage:getImage"
    with pytest.raises(ProviderError, match="3 images fit"):
        provider.invoke(token, {"name": "debian"})
    found = provider.invoke(token, {"name": "debian", "mostRecent": True})
    assert found["createdAt"] == "2026-01-03T00:00:00Z"
    assert found["properties"] == {}


# --- previews ----------------------------------------------------------------------------------


def test_preview_of_a_create_asks_nothing(provider: OpenStackProvider, world: World) -> None:
    asked = {"networkId": UNKNOWN, "fixedIps": [{"subnetId": UNKNOWN}], "tags": ["t"]}
    checked = check(provider, urn(PORT), PORT, {}, asked)
    state = provider.create(urn(PORT), PORT, checked, key=key(), timeout=None, preview=True)
    assert state.outputs["networkId"] is UNKNOWN
    assert state.outputs["macAddress"] is UNKNOWN
    assert state.outputs["tags"] == ["t"]
    assert state.outputs["region"] == "RegionOne"
    assert world.http.log == []


def test_preview_of_an_update_says_what_is_not_known(make: Maker) -> None:
    network = make("networking/network:Network", {})
    make("networking/subnet:Subnet", {"networkId": network.id, "cidr": "10.0.0.0/24"})
    port = make("networking/port:Port", {"networkId": network.id}, "port")
    news = check(
        make.provider,
        port.urn,
        PORT,
        port.inputs,
        {"networkId": network.id, "fixedIps": [{"ipAddress": "10.0.0.9"}]},
    )
    preview = make.provider.update(
        port.urn, PORT, port.id, port.state, news, timeout=None, preview=True
    )
    assert preview.outputs["allFixedIps"] is UNKNOWN
    assert preview.outputs["macAddress"] == port.out("macAddress")
    assert preview.outputs["fixedIps"] == [{"ipAddress": "10.0.0.9"}]


def test_unknown_settings_in_a_preview(world: World, environ: dict[str, str]) -> None:
    provider = OpenStackProvider(environ)
    provider.configure({"tenantId": UNKNOWN}, preview=True)
    found = provider.invoke("openstack:networking/getNetwork:getNetwork", {"name": "public"})
    assert found["id"] is UNKNOWN
    assert found["name"] == "public"
    read = provider.read(urn(NETWORK), NETWORK, "some-id", None)
    assert read is not None
    assert read.outputs["mtu"] is UNKNOWN
    checked = check(provider, urn(NETWORK), NETWORK, {}, {})
    state = provider.create(urn(NETWORK), NETWORK, checked, key=key(), timeout=None, preview=True)
    assert state.outputs["region"] is UNKNOWN
    assert world.http.log == []
    with pytest.raises(ProviderError, match="not known yet"):
        provider.configure({"tenantId": UNKNOWN}, preview=False)


def test_function_with_unknown_arguments(provider: OpenStackProvider, world: World) -> None:
    found = provider.invoke("openstack:networking/getSubnet:getSubnet", {"networkId": UNKNOWN})
    assert found["id"] is UNKNOWN
    assert world.http.log == []


# --- the rest ----------------------------------------------------------------------------------


def test_type_that_is_not_known(provider: OpenStackProvider) -> None:
    token = "openstack:vpnaas/service:Service"
    with pytest.raises(ProviderError, match=f"has no type {token}") as caught:
        provider.check(urn(token), token, {}, {})
    assert "provider-types.md" in (caught.value.mend or "")
    assert "--engine" not in (caught.value.mend or ""), "there is no other engine to choose"


def test_import_tells_inputs(make: Maker, provider: OpenStackProvider) -> None:
    network = make("networking/network:Network", {"description": "d", "tags": ["t"]}, "net")
    read = provider.read(urn(NETWORK), NETWORK, network.id, None)
    assert read is not None
    assert read.inputs["description"] == "d"
    assert "mtu" not in read.inputs, "the cloud's own choice is no input"


def test_state_of_the_official_provider_is_no_difference(make: Maker) -> None:
    """Outputs with the official provider's private parts, empty strings and zeros."""
    network = make("networking/network:Network", {"adminStateUp": True}, "net")
    outputs = {
        **network.state.outputs,
        "__meta": '{"e2bfb730-ecaa-11e6-8f88-34363bc7c4c0":{"create":600000000000}}',
        "description": "",
        "tags": [],
        "valueSpecs": None,
    }
    state = ResourceState(network.id, outputs, network.inputs)
    found = make.provider.diff(network.urn, NETWORK, network.id, state, network.inputs, ())
    assert found.changes == {}


def test_other_region_is_other_endpoints(make: Maker, world: World) -> None:
    made = make("networking/network:Network", {"region": "RegionTwo"})
    assert made.out("region") == "RegionTwo"
    assert made.changes({"region": "RegionOne"}) == {"region": "update-replace"}


def test_lists_are_fetched_once_and_forgotten_after_a_write(make: Maker, world: World) -> None:
    made = [make("networking/network:Network", {}, f"n{n}") for n in range(5)]
    world.http.log.clear()
    with ThreadPoolExecutor(5) as pool:
        read = list(
            pool.map(lambda one: make.provider.read(one.urn, one.token, one.id, one.state), made)
        )
    assert all(read)
    assert world.http.count("GET", ".*/networks") == 1
    assert world.http.count("GET", ".*/networks/.*") == 0
    made[0].delete()
    assert make.provider.read(made[0].urn, NETWORK, made[0].id, made[0].state) is None
    assert world.http.count("GET", ".*/networks") == 2


def test_calls_are_counted(make: Maker) -> None:
    make("networking/network:Network", {})
    assert make.provider.calls["POST network/networks"] == 1


# --- log-ins -----------------------------------------------------------------------------------


def networks_of(environ: dict[str, str], **settings: str) -> None:
    """Have a provider of its own ask the cloud for something."""
    configured(environ, **settings).read(urn(NETWORK), NETWORK, "no-such-network", None)


def test_providers_of_one_project_share_a_log_in(world: World, environ: dict[str, str]) -> None:
    networks_of(environ)
    networks_of(environ)
    assert world.http.count("POST", ".*/auth/tokens") == 1
    networks_of(environ, tenantId="another-project")
    assert world.http.count("POST", ".*/auth/tokens") == 2
    with pytest.raises(ProviderError):
        networks_of(environ, password="not-it")
    networks_of(environ)
    assert world.http.count("POST", ".*/auth/tokens") == 3, "the wrong password was tried, once"


def test_a_shared_token_that_no_longer_holds_is_replaced(
    world: World, environ: dict[str, str]
) -> None:
    networks_of(environ)
    world.http.fail("GET", "/networks", status=401)
    networks_of(environ)
    networks_of(environ)
    assert world.http.count("POST", ".*/auth/tokens") == 2
