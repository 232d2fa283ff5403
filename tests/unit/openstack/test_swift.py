"""Swift's objects, accounts and temporary addresses, which live in headers."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from hoaban.engine.provider import ProviderError
from hoaban.openstack import keys
from tests.cloud.lifecycle import check, die, key, live
from tests.unit.openstack.fake_cloud import PROJECT
from tests.unit.openstack.fake_services import SWIFT

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.openstack import OpenStackProvider
    from tests.cloud.lifecycle import Maker
    from tests.unit.openstack.fake_services import World

OBJECT = "objectstorage/containerObject:ContainerObject"
ACCOUNT = "objectstorage/accountV1:AccountV1"
TEMP_URL = "objectstorage/tempUrl:TempUrl"


def test_object_life(make: Maker, world: World) -> None:
    asked = {
        "containerName": "office",
        "name": "a/b c.txt",
        "content": "first",
        "contentType": "text/plain",
        "metadata": {"owner": "office"},
        "deleteAt": "2099-01-01T07:00:00+07:00",
    }
    made = make(OBJECT, asked)
    assert made.id == "office/a/b c.txt"
    assert made.out("etag") == hashlib.md5(b"first", usedforsecurity=False).hexdigest()
    assert made.out("contentLength") == 5
    assert made.out("deleteAt") == "2099-01-01T00:00:00Z"
    live(made, replaces={"containerName": "other", "name": "other"})
    sent = world.http.count("PUT", rf"{SWIFT}/office/.*")
    made.update({**asked, "metadata": {"owner": "other"}})
    assert world.http.count("PUT", rf"{SWIFT}/office/.*") == sent, "the content stays where it is"
    assert world.swift.bodies["office/a/b c.txt"] == b"first"
    live(made, updates={"content": {"content": "second"}, "nobody's": {"metadata": None}})
    assert world.swift.bodies["office/a/b c.txt"] == b"second"
    held = world.swift.containers["office/a/b c.txt"]
    assert held["X-Object-Meta-Hoaban-Key"] == keys.mark(made.key), "the mark outlives changes"
    die(made, make)


def test_object_from_a_file(make: Maker, world: World, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\0\1")
    made = make(OBJECT, {"containerName": "c", "name": "f", "source": str(path)})
    assert world.swift.bodies["c/f"] == b"\0\1"
    assert made.changes({"containerName": "c", "name": "f", "source": str(path)}) == {}
    with pytest.raises(ProviderError, match=r"cannot read .*No such file"):
        make(OBJECT, {"containerName": "c", "name": "g", "source": str(tmp_path / "none")})


def test_object_whose_answer_is_lost_is_found(provider: OpenStackProvider, world: World) -> None:
    token = f"openstack:{OBJECT}"
    urn = f"urn:pulumi:test::test::{token}::o"
    inputs = check(provider, urn, token, {}, {"containerName": "c", "name": "o", "content": "x"})
    mark = key()
    world.http.fail("PUT", f"{SWIFT}/c/o", after=True)
    with pytest.raises(ProviderError):
        provider.create(urn, token, inputs, key=mark, timeout=None, preview=False)
    found = provider.find(urn, token, inputs, mark)
    assert found is not None
    assert found.id == "c/o"
    assert provider.find(urn, token, inputs, key()) is None, "another's object is not taken"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "one of content, source, copyFrom, objectManifest is required"),
        ({"content": "a", "source": "b"}, "cannot be given together"),
        ({"content": "a", "deleteAt": "soon"}, "is no time of RFC 3339"),
    ],
)
def test_object_refuses(make: Maker, inputs: dict[str, object], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        make(OBJECT, {"containerName": "c", "name": "o", **inputs})


def test_account(make: Maker, world: World) -> None:
    made = make(ACCOUNT, {"metadata": {"Temp-Url-Key": "k"}})
    assert made.id == PROJECT
    assert world.swift.containers[""]["X-Account-Meta-Temp-Url-Key"] == "k"
    assert made.out("objectCount") == 0
    live(
        made,
        updates={"more": {"metadata": {"Temp-Url-Key": "l", "owner": "office"}}},
        replaces={"projectId": "other"},
        findable=False,
    )
    made.delete()
    assert "X-Account-Meta-Temp-Url-Key" not in world.swift.containers[""]
    made.delete()


def test_temporary_address(make: Maker, world: World) -> None:
    make(ACCOUNT, {"metadata": {"Temp-Url-Key": "of-the-account"}})
    made = make(TEMP_URL, {"container": "c", "object": "o", "ttl": 60, "digest": "sha256"})
    parts = urlsplit(made.out("url"))
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    path = parts.path.removeprefix("/swift")  # Swift signs what follows the proxy's own path
    signed = f"GET\n{asked['temp_url_expires']}\n{path}".encode()
    wanted = hmac.new(b"of-the-account", signed, "sha256").hexdigest()
    assert asked["temp_url_sig"] == wanted
    assert path == f"/v1/AUTH_{PROJECT}/c/o"
    live(made, replaces={"ttl": 61, "method": "post", "key": "k"}, findable=False)


def test_expired_address_is_made_anew_when_that_is_asked(make: Maker) -> None:
    asked = {"container": "c", "object": "o", "ttl": -1, "key": "k"}
    assert make(TEMP_URL, asked).read() is not None
    assert make(TEMP_URL, {**asked, "regenerate": True}).read() is None


def test_address_needs_a_key(make: Maker, world: World) -> None:
    with pytest.raises(ProviderError, match="has a key for temporary addresses"):
        make(TEMP_URL, {"container": "c", "object": "o", "ttl": 60})
