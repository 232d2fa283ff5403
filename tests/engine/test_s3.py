"""State in a bucket: what its URL says, what is told when it doesn't work, and a crash anywhere."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from botocore.client import BaseClient

from hoaban.engine.embedded import lease, lock
from hoaban.engine.embedded.backend import Backend
from hoaban.engine.embedded.journal import JournalContent
from hoaban.engine.embedded.lock import Lock
from hoaban.engine.embedded.state import StateFormatError
from hoaban.engine.storage import StateReadError, StateWriteError, open_storage, s3
from hoaban.engine.storage.bucket import Bucket, Signed, bucket_of
from hoaban.engine.storage.guarantee import Guarantee
from hoaban.engine.storage.s3 import S3Storage
from hoaban.engine.storage.s3place import S3Place
from hoaban.errors import HoabanError
from tests.engine.direct import assert_clean, check_result, check_truth
from tests.engine.test_crash import AFTER, BEFORE, Countdown, direct_in, prepare, run_until
from tests.engine.test_lock import NAME, TURNS, crowd

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.direct import Direct

Places = "Callable[[str], str]"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://kho", S3Place("s3://kho", "kho")),
        ("s3://kho/a/b/", S3Place("s3://kho/a/b/", "kho", "a/b")),
        (
            "s3://kho?endpoint=s3.tinh.example:9000&s3ForcePathStyle=true&disableSSL=true&awssdk=v2",
            S3Place("", "kho", endpoint="http://s3.tinh.example:9000", path_style=True),
        ),
        (
            "s3://kho?endpoint=https%3A%2F%2Fs3.tinh.example&region=vn-1&profile=tinh",
            S3Place("", "kho", "", "vn-1", "https://s3.tinh.example", "tinh"),
        ),
        (
            "s3://kho?endpoint=s3.tinh.example&use_path_style=1&disable_https=false",
            S3Place("", "kho", endpoint="https://s3.tinh.example", path_style=True),
        ),
    ],
)
def test_urls_as_pulumi_takes_them(url: str, place: S3Place) -> None:
    parsed = S3Place.parse(url)
    assert parsed.url == url
    for name in ("bucket", "prefix", "region", "endpoint", "profile", "path_style"):
        assert getattr(parsed, name) == getattr(place, name), name


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3:///a", "names no bucket"),
        ("s3://key:secret@kho", "holds credentials"),
        ("s3://kho?endpont=x", "unknown parameters: endpont"),
        ("s3://kho?disableSSL=yes", "disableSSL=yes"),
        ("gs://kho", "keeps no state at gs://kho"),
    ],
)
def test_urls_that_are_refused(url: str, told: str) -> None:
    with pytest.raises(HoabanError, match=told):
        open_storage(url)


def test_the_layout_is_pulumis_own(s3_place: Places) -> None:
    url = s3_place("whole")
    backend = Backend(url)
    backend.ensure()
    backend.storage.write(backend.checkpoint_key(NAME), b"{}")
    place = S3Place.parse(url)
    client = bucket_of(place).client
    found = client.list_objects_v2(Bucket="kho", Prefix=place.prefix)["Contents"]
    assert [one["Key"] for one in found] == [
        f"{place.prefix}/.pulumi/meta.yaml",
        f"{place.prefix}/.pulumi/stacks/shop/dev.json",
    ]
    assert backend.where(NAME) == f"s3://kho/{place.prefix}/.pulumi/stacks/shop/dev.json"
    assert backend.storage.copy_command("a", "b") == (
        f"aws s3 cp --endpoint-url {place.endpoint} --region us-east-1 "
        f"s3://kho/{place.prefix}/.pulumi/a s3://kho/{place.prefix}/.pulumi/b"
    )
    assert backend.stacks() == [NAME]


def test_what_a_server_guarantees_is_found_out(s3_place: Places) -> None:
    for kind, guarantee in (("whole", Guarantee.CONDITIONS), ("swift", Guarantee.TIME)):
        storage = S3Storage(S3Place.parse(s3_place(kind)))
        assert storage.guarantee is guarantee
        assert storage.list("probes/") == []


def test_a_server_that_minds_no_conditions_is_refused(s3_place: Places) -> None:
    backend = Backend(s3_place("careless"))
    backend.ensure()
    with pytest.raises(StateWriteError, match="cannot keep locks: it writes over") as caught:
        Lock(backend, NAME).__enter__()
    assert "Ceph" in str(caught.value.mend)
    assert backend.storage.list("leases/") == []
    assert backend.storage.list("probes/") == []


def test_a_wrong_key(s3_place: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    url = s3_place("whole")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    with pytest.raises(StateReadError, match="InvalidAccessKeyId: no such key") as caught:
        open_storage(url).read("meta.yaml")
    assert "AWS_SECRET_ACCESS_KEY" in str(caught.value.mend)
    with pytest.raises(StateReadError, match="says Forbidden"):
        open_storage(url).exists("meta.yaml")
    with pytest.raises(StateWriteError, match="InvalidAccessKeyId"):
        open_storage(url).write("meta.yaml", b"")
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)


def test_no_key(s3_place: Places, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = s3_place("whole")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StateReadError, match="no credentials for the S3 server"):
        open_storage(url).read("meta.yaml")
    with pytest.raises(StateReadError, match=r"profile .* could not be found"):
        open_storage(f"{url}&profile=none").read("meta.yaml")


def test_keys_of_a_profile(
    s3_place: Places, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = s3_place("whole")
    file = tmp_path / "credentials"
    file.write_text("[tinh]\naws_access_key_id = hoaban-test\naws_secret_access_key = x\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    assert open_storage(f"{url}&profile=tinh").read("meta.yaml") is None


def test_no_bucket(s3_place: Places) -> None:
    url = s3_place("whole").replace("s3://kho/", "s3://kho-khac/")
    with pytest.raises(StateReadError, match="there is no bucket kho-khac") as caught:
        Backend(url).ensure()
    assert "aws s3 mb s3://kho-khac" in str(caught.value.mend)


@pytest.mark.parametrize("silent", [False, True])
def test_a_dead_server_is_told_in_seconds(
    s3_place: Places, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    """One that refuses connections, and one that takes them and says nothing."""
    monkeypatch.setattr("hoaban.engine.storage.bucket.READ_SECONDS", 0.5)
    s3_place("whole")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if silent:
            listener.listen()
        url = f"s3://kho?endpoint=127.0.0.1:{listener.getsockname()[1]}&disableSSL=true"
        began = time.monotonic()
        with pytest.raises(StateReadError, match="no answer from the S3 server http://127") as told:
            Backend(url).ensure()
        with pytest.raises(StateWriteError, match="no answer from the S3 server"):
            open_storage(url).write("meta.yaml", b"")
        bucket = bucket_of(S3Place.parse(url))
        signed = bucket.sign_delete("meta.yaml")
        with pytest.raises(StateWriteError, match="no answer from the S3 server") as late:
            bucket.send(signed)
        assert time.monotonic() - began < 10
    assert "X-Amz" not in f"{late.value} {signed}", "what is signed is as good as a key"
    assert "endpoint in the URL" in str(told.value.mend)


def test_an_answer_that_is_lost_is_no_other_writer(
    s3_place: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server did it, the client asks again, and is told that it is there already."""
    storage = open_storage(s3_place("whole"))
    writer = storage.admitted("shop/dev/000000000001.a")
    put = Bucket.put

    def twice(self: Bucket, key: str, content: bytes, **more: object) -> str:
        put(self, key, content, **more)  # type: ignore[arg-type]
        return put(self, key, content, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Bucket, "put", twice)
    assert storage.create("leases/shop/dev/1.json", b"mine")
    writer.write("stacks/shop/dev.json", b"one")
    writer.write("stacks/shop/dev.json", b"two")
    monkeypatch.undo()
    assert storage.read("stacks/shop/dev.json") == b"two"


@pytest.mark.parametrize("kind", ["whole", "swift"])
def test_what_was_sent_before_and_comes_late_is_refused(
    s3_place: Places, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Stopped between its look and its sending, for longer than who takes over waits."""
    monkeypatch.setattr("hoaban.engine.storage.bucket.VALID_SECONDS", 1)
    monkeypatch.setattr("hoaban.engine.storage.s3._LATEST_SECONDS", 4)
    storage = open_storage(s3_place(kind))
    first = storage.admitted("shop/dev/000000000001.a")
    first.write("stacks/shop/dev.json", b"first")
    if kind == "whole":
        copy = Bucket.copy

        def stopped_copy(self: Bucket, source: str, target: str) -> None:
            storage.expel("shop/dev", 1)
            storage.write("stacks/shop/dev.json", b"second")
            copy(self, source, target)

        monkeypatch.setattr(Bucket, "copy", stopped_copy)
    else:
        send = Bucket.send

        def stopped(self: Bucket, signed: Signed) -> bool:
            monkeypatch.setattr(Bucket, "send", send)
            storage.expel("shop/dev", 1)
            storage.write("stacks/shop/dev.json", b"second")
            return send(self, signed)

        monkeypatch.setattr(Bucket, "send", stopped)
    with pytest.raises(HoabanError, match="another run took over"):
        first.write("stacks/shop/dev.json", b"late")
    assert storage.read("stacks/shop/dev.json") == b"second"


def test_many_at_once_and_one_that_is_killed(
    s3_place: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each on a machine of its own; the others take over after its lease, and no turn is lost."""
    monkeypatch.setattr(lease, "LEASE_SECONDS", 3.0)
    url = s3_place("whole")
    Backend(url).ensure()
    had, counted = crowd(url, dies=True, processes=3)
    assert had == counted == 2 * TURNS + 2
    with Lock(Backend(url), NAME):  # the killed one's turn may have been the last
        assert len(lock.holders(Backend(url), NAME)) == 1
    assert lock.holders(Backend(url), NAME) == []


def test_a_log_whose_last_part_was_lost(s3_place: Places) -> None:
    """What comes after a part that is not there is not believed."""
    storage = open_storage(s3_place("whole"))
    log = storage.begin_log("journals/shop/dev.jsonl", b"first\n")
    for number in range(3):
        log.write(f"{number}\n".encode())
        log.cut()
        log.sync()
    parts = [one.key for one in storage.list("journals/") if ".parts/" in one.key]
    storage.delete(parts[1])
    assert storage.read_log("journals/shop/dev.jsonl") == b"first\n0\n"
    storage.write("journals/shop/dev.jsonl", b"no head\n")
    with pytest.raises(StateFormatError, match="the journal is damaged"):
        JournalContent.read(storage, "journals/shop/dev.jsonl")


def test_the_library_is_loaded_only_for_buckets() -> None:
    code = "import sys, hoaban.cli, hoaban.engine.storage; print('botocore' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


@pytest.mark.parametrize(("kind", "sample"), [("whole", 23), ("swift", 67)])
def test_killed_during_an_update_with_the_state_on_s3(
    memory_path: Path,
    s3_place: Places,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    sample: int,
) -> None:
    """Killed with -9 before or after a request to the server, or a step of the cloud.

    Of so many (``sample``) one is tried.
    """
    monkeypatch.setattr(s3, "_SETTLE_SECONDS", 0.6)
    monkeypatch.setattr(s3, "_LATEST_SECONDS", 0.1)  # the killed one has sent nothing

    def killed_at(ticks: int) -> Callable[[Direct], object]:
        def work(direct: Direct) -> object:
            countdown = Countdown(ticks)
            for one, name in ((BaseClient, "_make_api_call"), (Bucket, "send")):
                setattr(one, name, countdown.around(getattr(one, name)))
            return direct.up(AFTER)

        return work

    ticks, through = 1, False
    while not through:
        folder = memory_path / str(ticks)
        folder.mkdir()
        place = s3_place(kind)
        prepare(folder, BEFORE, place)
        through = run_until(10**9, folder, killed_at(ticks), place)
        after = direct_in(folder, place)
        check_truth(after)
        assert_clean(after.up(AFTER))
        check_result(after, AFTER)
        ticks += sample
    assert ticks > 4 * sample
