"""State in a bucket of the lab's Swift, by its S3 API: what every place keeps to, and a stack.

Keystone makes the keys. Swift takes no ``If-Match``, so creates settle and signatures expire.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from hoaban.engine.embedded.backend import Backend
from hoaban.engine.embedded.lock import Lock
from hoaban.engine.storage.bucket import VALID_SECONDS, bucket_of
from hoaban.engine.storage.guarantee import Guarantee
from hoaban.engine.storage.s3 import S3Storage
from hoaban.engine.storage.s3place import S3Place
from hoaban.lab.client import connect
from hoaban.lab.layout import Layout
from tests.engine.test_lock import NAME, holding
from tests.engine.test_storage import (  # noqa: F401 (a contract, kept here, too)
    storage,
    test_a_dead_holder_is_taken_over,
    test_a_log_grows_and_goes,
    test_a_stack_is_made_planned_and_destroyed,
    test_an_expelled_writer_writes_nothing,
    test_blobs,
    test_many_at_once_one_at_a_time,
    test_of_many_that_create_one_is_told_so,
    test_who_had_a_sealed_log_open_adds_to_what_nobody_reads,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.cloud

BUCKET = f"hoaban-test-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    """The URL of a new bucket, without the parameters; its keys are in the environment."""
    with connect(Layout.of_machine()) as cloud, pytest.MonkeyPatch.context() as environment:
        pair = {"access": secrets.token_hex(16), "secret": secrets.token_hex(16)}
        kept = cloud.identity.create_credential(
            type="ec2",
            user_id=cloud.current_user_id,
            project_id=cloud.current_project_id,
            blob=json.dumps(pair),
        )
        environment.setenv("AWS_ACCESS_KEY_ID", pair["access"])
        environment.setenv("AWS_SECRET_ACCESS_KEY", pair["secret"])
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        server = cloud.object_store.get_endpoint().partition("/v1")[0]
        url = f"s3://{BUCKET}/PREFIX?endpoint={quote(server, safe='')}&s3ForcePathStyle=true"
        client = bucket_of(S3Place.parse(url)).client
        client.create_bucket(Bucket=BUCKET)
        yield url
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            for one in page.get("Contents", ()):
                client.delete_object(Bucket=BUCKET, Key=one["Key"])
        client.delete_bucket(Bucket=BUCKET)
        cloud.identity.delete_credential(kept)


@pytest.fixture
def place(root: str) -> str:
    return root.replace("PREFIX", secrets.token_hex(4))


def test_swift_keeps_the_late_out_by_time(place: str) -> None:
    bucket = S3Storage(S3Place.parse(place))
    assert bucket.guarantee is Guarantee.TIME
    assert bucket.list("probes/") == []
    bucket.write("stacks/shop/dev.json", b"first")
    bucket.write("stacks/shop/late.json", b"late")
    signed = bucket._bucket.sign_copy("stacks/shop/late.json", "stacks/shop/dev.json")
    time.sleep(VALID_SECONDS + 3)
    assert not bucket._bucket.send(signed)
    assert bucket.read("stacks/shop/dev.json") == b"first"
    again = bucket._bucket.sign_copy("stacks/shop/late.json", "stacks/shop/dev.json")
    assert bucket._bucket.send(again)
    assert bucket.read("stacks/shop/dev.json") == b"late"


def test_a_killed_holder_is_waited_for(place: str) -> None:
    """With the times of production: what it had sent could still come for some seconds."""
    backend = Backend(place)
    backend.ensure()
    child = holding(backend)
    child.kill()
    began = time.monotonic()
    with Lock(backend, NAME) as taken:
        assert taken.generation == 2
    assert VALID_SECONDS < time.monotonic() - began < 30
