"""Both stacks against a real OpenStack: made, changed, mended, refused, removed.

The tests are one story on one cloud and run in their order. The province has a name of its own
in each run, so it meets no other in the same lab, nor what an interrupted run left there.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

import pytest
import requests

from hoaban.backup.journal import Journal
from hoaban.backup.lending import CloudLending
from hoaban.backup.offline import copy, detach_all, keepers
from hoaban.console import Steps
from hoaban.engine.api import Options
from hoaban.engine.embedded import edits
from hoaban.engine.embedded.custody import held
from hoaban.errors import HoabanError
from hoaban.inventory.fleet import Fleet
from hoaban.lab.client import connect
from hoaban.lab.layout import Layout
from hoaban.provision import Consent, Decline, destroy, engine_for, plan, refresh, up
from hoaban.provision.importdraft import draft
from hoaban.provision.importing import import_resources, read_request
from hoaban.provision.stacks import config_file, stack_for
from hoaban.provision.target import DrillTarget
from tests.bench.counting import counted
from tests.cloud.census import Census
from tests.cloud.province import AGENCY, SmallProvince
from tests.unit.backup.test_offline import FakeCloud, FakeKeeper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openstack.connection import Connection
    from pulumi.automation.events import EngineEvent

    from hoaban.engine.api import UpdateResult
    from hoaban.model.outputs import StackOutputs
    from hoaban.provision.operations import Plan

pytestmark = pytest.mark.cloud

LOSABLE = (
    "openstack:objectstorage/container:Container",
    "openstack:networking/floatingIp:FloatingIp",
    "openstack:networking/secGroupRule:SecGroupRule",
    "openstack:compute/volumeAttach:VolumeAttach",
)
ALL = Consent(delete_data=True, allow_replace=True)
NOTHING = Consent()
LOOK = Options(look=True)
"""As the command line has it."""
SLUG = f"thu-nghiem-{secrets.token_hex(2)}"
PROJECT = f"{SLUG}-{AGENCY}"
CONTAINER = f"{AGENCY}-portal-ho-so"


def ignore(_: EngineEvent) -> None:
    pass


@pytest.fixture(scope="module")
def cloud() -> Iterator[Connection]:
    with connect(Layout.of_machine()) as connection:
        yield connection


class Story:
    """The province, its cloud, and what the cloud held before."""

    def __init__(self, small: SmallProvince, cloud: Connection) -> None:
        self.small = small
        self.cloud = cloud
        self.census = Census(cloud, SLUG)

    def made(self) -> dict[str, set[str]]:
        """What the cloud has of this province, by kind."""
        return self.census.take()

    def up(
        self, agency: str | None = AGENCY, consent: Consent = NOTHING, **how: Any
    ) -> UpdateResult:
        target = self.small.target(agency)
        return up(target, engine_for(), ignore, consent=consent, options=Options(**how))

    def outputs(self, agency: str | None = AGENCY) -> StackOutputs:
        built = self.small.target(agency).built()
        assert built is not None
        return built

    def server(self, name: str) -> Any:
        return self.cloud.compute.get_server(
            self.outputs().hosts[f"{AGENCY}-portal-{name}"].server_id
        )

    def objects(self, method: str, path: str, **how: Any) -> Any:
        """Ask for something in the agency's own account of object storage."""
        store = self.cloud.object_store
        anyones = store.get_endpoint().removesuffix(self.cloud.current_project_id)
        return store.request(f"{anyones}{self.outputs().project_id}/{path}", method, **how)


@pytest.fixture(scope="module")
def story(cloud: Connection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    small = SmallProvince(tmp_path_factory.mktemp("thu-nghiem"), SLUG)
    small.department["systems"][0]["containers"] = [{"name": "ho-so", "quota_gb": 1}]
    image = small.folder / "tiny.raw"
    image.write_bytes(bytes(65_536))
    config = config_file(small.target(None))
    config.parent.mkdir(parents=True)
    config.write_text(f"config:\n  province:imageFile: {image}\n")
    told = Story(small, cloud)
    yield told
    for agency in (AGENCY, None):  # what a failed test left standing
        target = small.target(agency)
        if target.stands():
            destroy(target, engine_for(), ignore, consent=ALL)


def changed_types(result: UpdateResult, op: str) -> list[str]:
    """Last parts of the types of the steps with an operation, without those of components."""
    return sorted(
        step.type.rsplit(":", 1)[-1]
        for step in result.steps
        if step.op == op and step.type.startswith("openstack:")
    )


def test_an_agency_needs_its_foundation_first(story: Story) -> None:
    with pytest.raises(HoabanError, match="foundation of Test Province has not been built"):
        story.up()
    assert story.made() == {}


def test_a_missing_image_is_told_before_anything_is_made(story: Story) -> None:
    target = story.small.target(None)
    with pytest.raises(HoabanError, match="no image `debian-99`"):
        plan(target, engine_for(), ignore, config={"province:image": "debian-99"})
    assert story.made() == {}


def test_a_volume_too_large_for_the_cloud_is_told_before_anything_is_made(story: Story) -> None:
    volume = story.small.province["hosts"]["backup-1"]["volumes"][0]
    volume["size_gb"] = 60_000
    try:
        with pytest.raises(HoabanError, match="no storage pool has room"):
            story.up(None)
    finally:
        volume["size_gb"] = 1
    assert story.made() == {}


def test_the_foundation_comes_up(story: Story) -> None:
    result = story.up(None)
    assert set(result.changes) == {"create"}
    outputs = story.outputs(None)
    bastion = story.cloud.compute.get_server(outputs.hosts["bastion"].server_id)
    assert bastion.status == "ACTIVE"
    assert bastion.project_id == outputs.project_id
    address = next(iter(story.cloud.network.ips(project_id=outputs.project_id)))
    assert address.floating_ip_address == outputs.hosts["bastion"].floating_ip
    assert address.fixed_ip_address == str(outputs.environment.hosts[0].ipv4)


def test_the_agency_comes_up_as_planned(story: Story) -> None:
    story.up()
    outputs = story.outputs()
    for host in outputs.environment.hosts:
        server = story.cloud.compute.get_server(outputs.hosts[host.name].server_id)
        assert (server.status, server.project_id) == ("ACTIVE", outputs.project_id)
        port = story.cloud.network.get_port(outputs.hosts[host.name].port_id)
        assert {ip["ip_address"] for ip in port.fixed_ips} == {str(host.ipv4), str(host.ipv6)}
        assert f"agency:{AGENCY}" in port.tags
    volume = story.cloud.block_storage.find_volume(
        f"{AGENCY}-portal-data-1-db", all_projects=True, ignore_missing=False
    )
    assert [a["server_id"] for a in volume.attachments] == [story.server("data-1").id]


def test_the_agency_has_its_container_with_its_quota(story: Story) -> None:
    outputs = story.outputs()
    assert (outputs.container_names, outputs.unavailable_containers) == ([CONTAINER], [])
    headers = story.objects("HEAD", CONTAINER).headers
    assert headers["X-Container-Meta-Quota-Bytes"] == str(1024**3)
    assert headers["X-Container-Meta-Agency"] == AGENCY
    assert story.objects("PUT", f"{CONTAINER}/a/b.txt", data=b"c").status_code == 201
    assert story.objects("GET", f"{CONTAINER}/a/b.txt").content == b"c"
    with requests.Session() as stranger:
        stranger.trust_env = False
        assert stranger.get(story.objects("HEAD", CONTAINER).url, timeout=30).status_code == 401


def test_the_rules_in_the_cloud_are_the_plans_and_no_others(story: Story) -> None:
    outputs = story.outputs()
    groups = {
        group.name: group
        for group in story.cloud.network.security_groups(project_id=outputs.project_id)
        if group.name != "default"
    }
    planned = {group.name: len(group.rules) for group in outputs.environment.security_groups}
    assert {n: len(group.security_group_rules) for n, group in groups.items()} == planned


@pytest.mark.parametrize("agency", [None, AGENCY])
def test_the_second_time_nothing_changes(story: Story, agency: str | None) -> None:
    before = story.made()
    result = story.up(agency)
    assert set(result.changes) <= {"same", "read"}
    assert story.made() == before


def by_hand(planned: Plan) -> dict[str, dict[str, Any]]:
    """What a plan tells of changes by hand, by the last part of the type."""
    return {one["type"].rsplit(":", 1)[-1]: one for one in planned.drift["changed"]}


@pytest.mark.parametrize(("agency", "most"), [(None, 23), (AGENCY, 20)])
def test_a_plan_of_what_nobody_changed_says_nothing(
    story: Story, agency: str | None, most: int
) -> None:
    """Right after it was made, with nothing read again since: one list a type, and the checks."""
    with counted() as made:
        planned = plan(story.small.target(agency), engine_for(), ignore, options=LOOK)
    assert (planned.result.changed, by_hand(planned)) == (False, {})
    assert planned.drift["not_looked_at"] == []
    assert planned.drift["objects"] > 10
    assert sum(made.values()) <= most, dict(made)


def test_what_a_state_lost_is_imported_by_the_file_of_its_plan(story: Story) -> None:
    """With names, parents and providers as the program has them, so that nothing is left to do."""
    target, engine = story.small.target(), engine_for()
    with held(stack_for(target)) as one:
        loose = [x for x in one.snapshot.resources if not edits.dependents(one.snapshot, [x])]
        lost = {x.type: x for x in loose if x.type in LOSABLE}
        snapshot, _ = edits.without(one.snapshot, [*lost.values()], unprotect=True)
        one.commit(snapshot, "lost")
    events: list[EngineEvent] = []
    planned = plan(target, engine, events.append).result
    assert changed_types(planned, "create") == sorted(kind.split(":")[-1] for kind in lost)
    assert LOSABLE[0] in lost
    body = draft(events)
    for entry in body["resources"]:
        entry["id"] = lost[entry["type"]].id
    file = story.small.folder / "adopt.json"
    file.write_text(json.dumps(body))
    result = import_resources(target, engine, read_request(file), ignore)
    assert result.changes["import"] == len(lost)
    planned = plan(target, engine, ignore).result
    # What only a program knows, as whether a container may go while it holds something.
    assert set(planned.changes) <= {"same", "read", "update"}
    assert changed_types(planned, "update") in ([], ["Container"])
    story.up()
    assert not story.up().changed


def test_a_volume_of_a_third_copy_is_attached_for_as_long_as_it_is_written(
    story: Story, tmp_path: Path
) -> None:
    story.small.province["hosts"]["backup-1"]["offline"] = {"size_gb": 1, "volumes": 1}
    story.up(None)
    fleet = Fleet.read(story.small.workspace)
    (host,) = keepers(fleet)
    (volume,) = host.output.offline_ids.values()
    cloud = story.small.target(None).province.spec.cloud
    lending = CloudLending.of(host, cloud, story.small.workspace.inventory)
    quiet, journal = Steps(quiet=True), Journal(tmp_path)
    seen: list[list[str]] = []

    def attached() -> None:
        seen.append(lending.servers(volume))

    def killed() -> None:
        attached()
        raise KeyboardInterrupt

    def state() -> str:
        return str(story.cloud.block_storage.get_volume(volume).status)

    assert state() == "available"
    keeper = FakeKeeper(FakeCloud(""), during=attached)
    entry, done = copy(host, keeper, lending, lambda _: None, journal, quiet)
    assert done.broken == []
    keeper.during = killed
    with pytest.raises(KeyboardInterrupt):
        copy(host, keeper, lending, lambda _: None, journal, quiet)
    assert seen == [[host.output.server_id]] * 2
    assert state() == "available"
    # As a crash leaves it: the stack has nothing to do about it, and the next run clears it.
    lending.attach(volume)
    assert set(story.up(None, refresh=True).changes) <= {"same", "read", "refresh"}
    assert state() == "in-use"
    after = CloudLending.of(host, cloud, story.small.workspace.inventory)
    assert detach_all(host, keeper, after) == ["backup-1-offline-1"]
    assert state() == "available"
    assert set(story.up(None, refresh=True).changes) <= {"same", "read", "refresh"}
    assert entry.number == 1
    assert len(journal.entries()) == 2


def test_a_drill_s_server_is_its_agency_s_guest_and_leaves_nothing(story: Story) -> None:
    before = story.made()
    agency = story.small.target()
    drill = DrillTarget(agency.workspace, agency.province, AGENCY, f"{AGENCY}-portal-data-1")
    up(drill, engine_for(), ignore, consent=NOTHING, config=drill.config)
    built = drill.built()
    assert built is not None
    (host,) = built.environment.hosts
    made = built.hosts[host.name]
    server = story.cloud.compute.get_server(made.server_id)
    assert (server.status, server.project_id) == ("ACTIVE", story.outputs().project_id)
    port = story.cloud.network.get_port(made.port_id)
    assert port.network_id == story.outputs().networks["data"].network_id
    assert {ip["ip_address"] for ip in port.fixed_ips} == {str(host.ipv4), str(host.ipv6)}
    assert [one["id"] for one in server.attached_volumes] == list(made.volume_ids.values())
    with pytest.raises(HoabanError, match="scratch server of a restore drill stands"):
        destroy(agency, engine_for(), ignore, consent=ALL)
    destroy(drill, engine_for(), ignore, consent=ALL)
    assert story.made() == before
    assert not drill.stands()


def test_a_changed_size_resizes_the_server_that_there_is(story: Story) -> None:
    was = story.server("web-1").id
    story.small.tiers["web"]["size"] = "small"
    result = story.up()
    assert changed_types(result, "update").count("Instance") == 2
    assert not changed_types(result, "replace")
    server = story.server("web-1")
    assert (server.id, server.status) == (was, "ACTIVE")
    assert server.flavor.vcpus == 2


def test_a_volume_grows_in_place_and_another_is_added(story: Story) -> None:
    volumes = story.small.tiers["data"]["volumes"]
    volumes[0]["size_gb"] = 2
    volumes.append({"name": "log", "size_gb": 1, "mount": "/srv/log"})
    result = story.up()
    assert changed_types(result, "create") == ["Volume", "VolumeAttach"]
    assert "Volume" in changed_types(result, "update")
    attached = {
        story.cloud.block_storage.get_volume(one["id"]).size
        for one in story.server("data-1").attached_volumes
    }
    assert attached == {1, 2}


def test_a_rule_deleted_by_hand_is_shown_and_mended(story: Story) -> None:
    outputs = story.outputs()
    group = next(
        iter(
            story.cloud.network.security_groups(
                project_id=outputs.project_id, name=f"{AGENCY}-base"
            )
        )
    )
    count = len(group.security_group_rules)
    story.cloud.network.delete_security_group_rule(group.security_group_rules[0]["id"])
    seen = refresh(story.small.target(), engine_for(), ignore)
    assert changed_types(seen, "delete") == ["SecGroupRule"]
    mended = story.up()
    assert changed_types(mended, "create") == ["SecGroupRule"]
    group = story.cloud.network.get_security_group(group.id)
    assert len(group.security_group_rules) == count


def test_a_server_renamed_by_hand_is_shown_and_mended(story: Story) -> None:
    server = story.server("web-2")
    story.cloud.compute.update_server(server, name="renamed")
    seen = refresh(story.small.target(), engine_for(), ignore)
    assert changed_types(seen, "update") == ["Instance"]
    mended = story.up()
    assert changed_types(mended, "update") == ["Instance"]
    assert story.server("web-2").name == f"{AGENCY}-portal-web-2"


def test_a_plan_says_what_was_changed_by_hand_and_up_brings_it_back(story: Story) -> None:
    project = story.outputs().project_id
    server = story.server("web-2")
    story.cloud.compute.stop_server(server)
    story.cloud.compute.wait_for_server(server, "SHUTOFF")
    story.cloud.compute.update_server(server, name="renamed")
    group = story.cloud.network.find_security_group(f"{AGENCY}-base", project_id=project)
    story.cloud.network.delete_security_group_rule(group.security_group_rules[0]["id"])
    port = story.outputs().hosts[f"{AGENCY}-portal-web-1"].port_id
    story.cloud.network.update_port(port, description="by hand", is_admin_state_up=False)
    volume = next(iter(story.outputs().hosts[f"{AGENCY}-portal-data-1"].volume_ids.values()))
    story.cloud.block_storage.update_volume(volume, name="renamed")
    planned = plan(story.small.target(), engine_for(), ignore, options=LOOK)
    found = by_hand(planned)
    assert {kind: (one["fate"], one["up"]) for kind, one in found.items()} == {
        "Instance": ("changed", "update"),
        "SecGroupRule": ("removed", "create"),
        "Port": ("changed", "update"),
        "Volume": ("changed", "update"),
    }
    differs = {one["path"]: one["cloud"] for one in found["Instance"]["properties"]}
    assert differs == {"name": "renamed", "powerState": "shutoff"}
    assert found["Instance"]["by"]["action"] == "stop"
    assert found["Instance"]["by"]["user"] == story.cloud.current_user_id
    differs = {one["path"]: one["cloud"] for one in found["Port"]["properties"]}
    assert differs == {"description": "by hand", "adminStateUp": False}
    assert found["Volume"]["changed_at"]
    assert not planned.drift["not_looked_at"]
    result = story.up(look=True)
    assert changed_types(result, "update") == ["Instance", "Port", "Volume"]
    assert changed_types(result, "create") == ["SecGroupRule"]
    assert story.server("web-2").name == f"{AGENCY}-portal-web-2"
    assert story.server("web-2").status == "ACTIVE"
    assert story.cloud.network.get_port(port).description != "by hand"
    after = plan(story.small.target(), engine_for(), ignore, options=LOOK)
    assert (after.result.changed, by_hand(after)) == (False, {})
    story.cloud.network.update_port(port, is_admin_state_up=True)  # which up left as it was
    assert by_hand(plan(story.small.target(), engine_for(), ignore, options=LOOK)).keys() == {
        "Port"
    }
    refresh(story.small.target(), engine_for(), ignore)
    assert by_hand(plan(story.small.target(), engine_for(), ignore, options=LOOK)) == {}


def test_a_quota_lowered_by_hand_is_told_before_anything_is_made(story: Story) -> None:
    project = story.outputs().project_id
    story.cloud.compute.update_quota_set(project, cores=1, force=True)
    before = story.made()
    with pytest.raises(HoabanError, match=f"quota `cores` of the project {PROJECT} is 1"):
        story.up()
    assert story.made() == before
    story.cloud.compute.update_quota_set(project, cores=story.outputs().environment.quota.cores)


def test_a_flavor_that_is_gone_is_told_before_anything_is_made(story: Story) -> None:
    lent = story.outputs(None).province
    assert lent is not None
    story.cloud.compute.delete_flavor(lent.flavor_ids["small"])
    with pytest.raises(HoabanError, match="the flavor of the size `small` is gone"):
        story.up()
    story.up(None, refresh=True)
    story.up()
    assert story.server("web-1").status == "ACTIVE"


def test_a_removed_tier_asks_for_its_data_and_nothing_happens_without(story: Story) -> None:
    del story.small.tiers["data"]
    before = story.made()
    planned = plan(story.small.target(), engine_for(), ignore)
    assert {loss.urn.rsplit("::", 1)[-1] for loss in planned.losses} == {
        f"{AGENCY}-portal-data-1",
        f"{AGENCY}-portal-data-1-db",
        f"{AGENCY}-portal-data-1-log",
    }
    with pytest.raises(Decline, match="data would be lost: 3 objects"):
        story.up()
    assert story.made() == before


def test_with_consent_only_that_tier_goes(story: Story) -> None:
    webs = {story.server(name).id for name in ("web-1", "web-2")}
    result = story.up(consent=Consent(delete_data=True))
    assert changed_types(result, "delete").count("Volume") == 2
    project = story.outputs().project_id
    left = story.cloud.compute.servers(all_projects=True, project_id=project)
    assert {server.id for server in left} == webs
    assert not list(story.cloud.block_storage.volumes(all_projects=True, project_id=project))


def test_the_foundation_stays_while_the_agency_stands(story: Story) -> None:
    with pytest.raises(HoabanError, match="1 agencies stand on this foundation"):
        destroy(story.small.target(None), engine_for(), ignore, consent=ALL)


def test_destroy_leaves_the_cloud_as_it_was(story: Story) -> None:
    with pytest.raises(Decline, match="data would be lost: 1 objects") as caught:
        destroy(story.small.target(), engine_for(), ignore, consent=NOTHING)
    assert f"container {CONTAINER} with all its objects" in (caught.value.detail or "")
    assert story.objects("GET", f"{CONTAINER}/a/b.txt").content == b"c"
    destroy(story.small.target(), engine_for(), ignore, consent=Consent(delete_data=True))
    with pytest.raises(Decline, match="data would be lost"):
        destroy(story.small.target(None), engine_for(), ignore, consent=NOTHING)
    destroy(story.small.target(None), engine_for(), ignore, consent=ALL)
    assert story.made() == {}
