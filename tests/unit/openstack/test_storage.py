"""Volumes, images and containers against Cinder, Glance and Swift in memory."""

from __future__ import annotations

import gzip
import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from hoaban.engine.provider import DiffKind, PartialFailureError, ProviderError
from tests.cloud.lifecycle import check, die, key, live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cloud.lifecycle import Made, Maker
    from tests.unit.openstack.fake_services import World

IMAGE = "openstack:images/image:Image"


def test_volume(make: Maker, world: World) -> None:
    made = make("blockstorage/volume:Volume", {"size": 1, "metadata": {"a": "b"}}, "volume")
    held = world.volumes.objects[made.id]
    assert held["metadata"].keys() == {"a", "hoaban_key"}
    assert made.out("metadata") == {"a": "b"}
    live(
        made,
        updates={
            "grow": {"size": 3},
            "metadata": {"metadata": {"c": "d"}},
            "type": {"volumeType": "ssd"},
            "description": {"description": "x"},
        },
        replaces={"imageId": "i", "availabilityZone": "z"},
    )
    assert held["metadata"].keys() == {"c", "hoaban_key"}
    die(made, make)


def test_attached_volume_grows_only_when_allowed(make: Maker, world: World) -> None:
    made = make("blockstorage/volume:Volume", {"size": 1}, "volume")
    world.volumes.objects[made.id]["status"] = "in-use"
    with pytest.raises(ProviderError, match="growing an attached volume is not allowed") as caught:
        made.update({"size": 2})
    assert "enableOnlineResize" in (caught.value.mend or "")
    made.update({"size": 2, "enableOnlineResize": True})
    assert made.out("size") == 2


def test_volume_never_shrinks(make: Maker) -> None:
    made = make("blockstorage/volume:Volume", {"size": 5}, "volume")
    with pytest.raises(ProviderError, match="cannot shrink"):
        made.update({"size": 4})


def test_volume_that_fails_leaves_nothing(make: Maker, world: World) -> None:
    world.volumes.failing = True
    with pytest.raises(ProviderError, match="state error") as caught:
        make("blockstorage/volume:Volume", {"size": 1}, "volume")
    assert "no valid host" in (caught.value.detail or "")
    assert world.volumes.objects == {}


def test_volume_type_quotas(make: Maker) -> None:
    made = make(
        "blockstorage/quoteSetV3:QuoteSetV3",
        {"projectId": "p", "gigabytes": 10, "volumeTypeQuota": {"gigabytes_ssd": "4"}},
    )
    assert made.out("volumeTypeQuota") == {"gigabytes_ssd": "4"}
    live(made, updates={"ssd": {"volumeTypeQuota": {"gigabytes_ssd": "9"}}}, findable=False)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(b"hoaban" * 500_000)
    return path


def test_image(make: Maker, disk: Path, world: World) -> None:
    made = make(
        "images/image:Image",
        {
            "localFilePath": str(disk),
            "containerFormat": "bare",
            "diskFormat": "raw",
            "properties": {"hw_disk_bus": "virtio"},
        },
        "image",
    )
    upload = world.http.last("PUT", r".*/file")
    assert int(upload.headers["Content-Length"]) == disk.stat().st_size
    assert made.out("sizeBytes") == disk.stat().st_size
    assert made.out("properties") == {"hw_disk_bus": "virtio"}, "what Glance adds is not told"
    live(
        made,
        updates={
            "properties": {"properties": {"hw_rng_model": "virtio"}},
            "tags": {"tags": ["t"]},
            "more": {"minDiskGb": 2, "visibility": "public"},
            "protected": {"protected": True},
        },
        replaces={"localFilePath": "/other", "diskFormat": "qcow2"},
    )
    die(made, make)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a web server that offers the files of ``tmp_path``."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_image_from_an_address(make: Maker, disk: Path, world: World, web: str) -> None:
    packed = disk.with_suffix(".gz")
    packed.write_bytes(gzip.compress(disk.read_bytes()))
    asked = {
        "imageSourceUrl": f"{web}/{packed.name}",
        "decompress": True,
        "containerFormat": "bare",
        "diskFormat": "raw",
    }
    made = make("images/image:Image", asked, "image")
    assert made.out("sizeBytes") == disk.stat().st_size
    content = hashlib.md5(disk.read_bytes(), usedforsecurity=False)
    assert made.out("checksum") == content.hexdigest()
    with pytest.raises(ProviderError, match=f"cannot fetch the image from {web}/none: 404"):
        make("images/image:Image", {**asked, "imageSourceUrl": f"{web}/none"}, "missing")
    assert list(world.images.objects) == [made.id]


def test_damaged_image_is_not_kept(make: Maker, disk: Path, world: World) -> None:
    world.images.damage = b"!"
    asked = {"localFilePath": str(disk), "containerFormat": "bare", "diskFormat": "raw"}
    with pytest.raises(ProviderError, match="arrived damaged"):
        make("images/image:Image", asked, "image")
    assert world.images.objects == {}


def test_upload_cut_short_leaves_nothing(make: Maker, disk: Path, world: World) -> None:
    world.http.fail("PUT", "/file")
    asked = {"localFilePath": str(disk), "containerFormat": "bare", "diskFormat": "raw"}
    with pytest.raises(ProviderError, match="cannot reach the image service"):
        make("images/image:Image", asked, "image")
    assert world.images.objects == {}


def test_image_whose_upload_was_killed_is_made_anew(make: Maker, disk: Path, world: World) -> None:
    asked = {"localFilePath": str(disk), "containerFormat": "bare", "diskFormat": "raw"}
    urn = f"urn:pulumi:test::test::{IMAGE}::image"
    checked = check(make.provider, urn, IMAGE, {}, asked)
    mark = key()
    world.images.objects["half"] = {"id": "half", "status": "queued", "tags": [mark]}
    assert make.provider.find(urn, IMAGE, checked, mark) is None
    assert world.images.objects == {}


def test_image_that_cannot_be_taken_away_is_kept_and_made_anew(
    make: Maker, disk: Path, world: World
) -> None:
    """The upload breaks, and then nobody answers any more."""
    asked = {"localFilePath": str(disk), "containerFormat": "bare", "diskFormat": "raw"}
    world.http.fail("PUT", "/file", status=500, body={"error": {"message": "the store is full"}})
    world.http.fail("DELETE", "/images/", times=4)
    world.http.fail("GET", "/images/", times=4)
    with pytest.raises(PartialFailureError, match="the store is full") as caught:
        make("images/image:Image", asked, "image")
    state = caught.value.state
    assert [state.id] == list(world.images.objects)
    urn = f"urn:pulumi:test::test::{IMAGE}::image"
    checked = check(make.provider, urn, IMAGE, {}, asked | {"name": state.outputs["name"]})
    changes = make.provider.diff(urn, IMAGE, state.id, state, checked, ()).changes
    assert changes == {"status": DiffKind.UPDATE_REPLACE}, "an empty image cannot be filled later"


def test_protected_image_that_never_came_is_kept(make: Maker, disk: Path, world: World) -> None:
    asked = {"localFilePath": str(disk), "containerFormat": "bare", "diskFormat": "raw"}
    world.http.fail("PUT", "/file")
    world.http.fail("DELETE", "/images/", status=403, body={"message": "it is protected"})
    with pytest.raises(PartialFailureError, match="cannot reach the image service") as caught:
        make("images/image:Image", asked, "image")
    assert [caught.value.state.id] == list(world.images.objects)


def test_empty_image_that_cannot_be_deleted_is_not_forgotten(
    make: Maker, disk: Path, world: World
) -> None:
    asked = {"localFilePath": str(disk), "containerFormat": "bare", "diskFormat": "raw"}
    urn = f"urn:pulumi:test::test::{IMAGE}::image"
    checked = check(make.provider, urn, IMAGE, {}, asked)
    mark = key()
    world.images.objects["half"] = {"id": "half", "status": "queued", "tags": [mark]}
    world.http.fail("DELETE", "/images/", times=4)
    with pytest.raises(ProviderError, match=r"cannot look for image .*cannot reach the image"):
        make.provider.find(urn, IMAGE, checked, mark)


@pytest.fixture
def container(make: Maker) -> Made:
    return make(
        "objectstorage/container:Container",
        {"metadata": {"Quota-Bytes": "1024", "agency": "so-y-te"}, "containerRead": ".r:*"},
        "files",
    )


def test_container(make: Maker, container: Made, world: World) -> None:
    assert container.id == container.out("name")
    assert world.swift.containers[container.id]["X-Container-Meta-Quota-Bytes"] == "1024"
    assert container.state.outputs["__meta"] == '{"schema_version":"1"}'
    live(
        container,
        updates={
            "metadata": {"metadata": {"agency": "so-y-te"}},
            "no metadata": {"metadata": None},
            "versions": {"versioning": True},
            "private": {"containerRead": None},
        },
        replaces={"storagePolicy": "other"},
    )
    assert "X-Container-Meta-Quota-Bytes" not in world.swift.containers[container.id]
    die(container, make)


def test_container_with_objects_asks_before_it_goes(container: Made, world: World) -> None:
    world.swift.objects[container.id] = ["a/b.pdf", "c.pdf"]
    with pytest.raises(ProviderError, match="is not empty") as caught:
        container.delete()
    assert "forceDestroy" in (caught.value.mend or "")
    container.state.outputs["forceDestroy"] = True
    container.delete()
    assert world.swift.containers == {}
