from __future__ import annotations

from pathlib import Path

import pulumi
import pytest

from hoaban.errors import HoabanError
from stacks.components.guest_image import GuestImageComponent, GuestImageProps
from stacks.components.image_source import image_source, single_file
from stacks.components.labels import Labels
from tests.unit.stacks.recording import Recording, record

LABELS = Labels("thu-nghiem")
BUILT = GuestImageProps(
    name="hoaban-debian-13-0123456789ab",
    labels=LABELS,
    root=Path("/images/root.qcow2"),
    kernel=Path("/images/vmlinuz"),
    initrd=Path("/images/initrd"),
    disk_format="qcow2",
    properties={"os_distro": "debian"},
)


def build(props: GuestImageProps) -> Recording:
    return record(
        lambda: pulumi.export("image_id", GuestImageComponent(props).image_id), project="province"
    )


def test_kernel_initrd_and_root_are_three_images() -> None:
    run = build(BUILT)
    images = run.of("Image")
    assert {
        name: (image.inputs["localFilePath"], image.inputs["diskFormat"])
        for name, image in images.items()
    } == {
        BUILT.name: ("/images/root.qcow2", "qcow2"),
        f"{BUILT.name}-kernel": ("/images/vmlinuz", "aki"),
        f"{BUILT.name}-initrd": ("/images/initrd", "ari"),
    }
    assert images[BUILT.name].inputs["properties"] == {
        "os_distro": "debian",
        "kernel_id": f"{BUILT.name}-kernel-id",
        "ramdisk_id": f"{BUILT.name}-initrd-id",
    }
    assert run.exports["image_id"] == f"{BUILT.name}-id"


def test_an_image_outlives_its_successor_and_ignores_where_the_file_lies() -> None:
    for image in build(BUILT).of("Image").values():
        assert image.retain_on_delete
        assert image.ignore_changes == ("localFilePath",)
        assert image.inputs["visibility"] == "public"
        assert "province:thu-nghiem" in image.inputs["tags"]


def test_an_image_that_the_cloud_has_is_found_by_name() -> None:
    run = build(GuestImageProps(name="debian-13", labels=LABELS))
    assert run.of("Image") == {}
    assert run.exports["image_id"] == "image-debian-13"


class Settings(pulumi.Config):
    """Configuration of a stack, from a dictionary."""

    def __init__(self, **values: str) -> None:
        super().__init__("province")
        self.values = values

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return self.values.get(key, default)


def test_a_file_gives_an_image_named_after_its_content(tmp_path: Path) -> None:
    file = tmp_path / "tiny.qcow2"
    file.write_bytes(b"one")
    first = single_file(file, LABELS)
    file.write_bytes(b"two")
    second = image_source(Settings(imageFile=str(file)), LABELS)
    assert first.name == "tiny-7692c3ad3540"  # sha256sum of "one"
    assert second.name != first.name
    assert (second.root, second.disk_format) == (file, "qcow2")


def test_a_configured_name_is_taken_as_it_is() -> None:
    assert image_source(Settings(image="debian-13"), LABELS) == GuestImageProps(
        name="debian-13", labels=LABELS
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"image": "debian-13", "imageFile": "/x.qcow2"}, "both"),
        ({"imageFile": "/no/such/file.qcow2"}, "there is no file"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, str], words: str) -> None:
    with pytest.raises(HoabanError, match=words):
        image_source(Settings(**settings), LABELS)
