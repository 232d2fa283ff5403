"""Checkpoints read and written: what the official engine wrote comes out as it went in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pulumi_crypto.constants import PBKDF2_COUNT

from hoaban.engine.embedded import secrets
from hoaban.engine.embedded.checkpoint import Checkpoint, Codec, magic, write_checkpoint
from hoaban.engine.embedded.properties import SECRET_SIGNATURE, SIGNATURE
from hoaban.engine.embedded.secrets import CachingCrypter, PassphraseCrypter
from hoaban.engine.embedded.state import Resource, Snapshot, StateFormatError, Timeouts
from hoaban.engine.embedded.verify import problems
from hoaban.engine.values import Secret
from tests.engine.conftest import PASSPHRASE

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(autouse=True)
def _official_keys(_quick_keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "PBKDF2_COUNT", PBKDF2_COUNT)


def load(name: str) -> tuple[dict[str, Any], Snapshot, Codec]:
    text = (FIXTURES / name).read_bytes()
    checkpoint = Checkpoint.parse(text)
    codec = Codec(CachingCrypter(PassphraseCrypter(PASSPHRASE, checkpoint.salt)))
    return json.loads(text), checkpoint.snapshot(codec), codec


@pytest.mark.parametrize("name", ["checkpoint-v3.json", "checkpoint-v4-taint.json"])
def test_round_trip(name: str) -> None:
    """Field by field, in the same order, secrets with the same ciphertext, unknown fields kept."""
    body, snapshot, codec = load(name)
    stack = body["checkpoint"]["stack"]
    written = json.loads(write_checkpoint(stack, snapshot, codec, version="v3.259.0"))
    for one in (body, written):
        del one["checkpoint"]["latest"]["manifest"]["time"]
    assert json.dumps(written) == json.dumps(body)


def test_fields_are_typed() -> None:
    _, snapshot, _ = load("checkpoint-v3.json")
    network, volume, server = (snapshot.resources[i] for i in (2, 4, 5))
    assert network.protect
    assert network.custom_timeouts == Timeouts(create=600, delete=90.5)
    assert network.ignore_changes == ("tags",)
    assert volume.inputs == {"metadata": {"owner": Secret("bệnh viện")}, "size": 20}
    assert volume.extra == {"somethingNew": {"kept": [1, "as it is"]}}
    assert server.init_errors == ("No valid host was found",)
    assert server.deleted_with == volume.urn
    assert server.references() >= {network.urn, volume.urn, server.parent}
    assert snapshot.resources[6].delete
    assert snapshot.find(server.urn) is server
    assert [one.type for one in snapshot.pending] == ["creating"]
    assert problems(snapshot.resources) == []


def test_a_changed_secret_is_encrypted_anew_the_others_are_not() -> None:
    _, snapshot, codec = load("checkpoint-v3.json")
    stack = snapshot.resources[0]
    before = json.loads(codec.resource_text(stack))["outputs"]["password"]
    same = json.loads(codec.resource_text(replace(stack, protect=True)))["outputs"]["password"]
    outputs = {**stack.outputs, "password": Secret("khác")}
    other = json.loads(codec.resource_text(replace(stack, outputs=outputs)))["outputs"]["password"]
    assert same == before
    assert other[SIGNATURE] == SECRET_SIGNATURE
    assert other["ciphertext"] != before["ciphertext"]


def test_equal_secrets_in_two_places_have_two_ciphertexts() -> None:
    codec = Codec(CachingCrypter(PassphraseCrypter.create("x")))
    first = codec.encode({"a": Secret("v"), "b": Secret("v")}, "urn#inputs")
    assert first["a"]["ciphertext"] != first["b"]["ciphertext"]


def test_no_secret_in_plain() -> None:
    codec = Codec(CachingCrypter(PassphraseCrypter.create("x")))
    resource = Resource(
        urn="urn:pulumi:s::p::t::n",
        custom=False,
        type="t",
        inputs={"list": [Secret({"deep": "hush-hush"})]},
        outputs={"n": Secret(123456789)},
    )
    text = codec.resource_text(resource)
    assert "hush-hush" not in text
    assert "123456789" not in text
    assert codec.resource(json.loads(text)) == resource


def test_plaintext_secrets_of_an_export_are_read() -> None:
    codec = Codec(CachingCrypter(PassphraseCrypter.create("x")))
    shown = {SIGNATURE: SECRET_SIGNATURE, "plaintext": '"open"'}
    assert codec.decode({"a": shown}, "place") == {"a": Secret("open")}


def test_a_copy_does_not_keep_the_old_text() -> None:
    codec = Codec(CachingCrypter(PassphraseCrypter.create("x")))
    one = Resource(urn="urn:pulumi:s::p::t::n", custom=False, type="t")
    before = codec.resource_text(one)
    after = codec.resource_text(replace(one, protect=True))
    assert "protect" not in before
    assert json.loads(after)["protect"] is True


def checkpoint(**change: Any) -> bytes:
    body: dict[str, Any] = {
        "version": 3,
        "checkpoint": {
            "stack": "organization/p/s",
            "latest": {"manifest": {"magic": magic("v1"), "version": "v1"}},
        },
    }
    body.update(change)
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not a checkpoint"),
        (b'{"version":3,"checkp', "not a checkpoint"),
        (b'{"version":3}', "'checkpoint' is missing"),
        (b"[]", "not a checkpoint"),
        (checkpoint(version=2), "version 2 is not known"),
        (checkpoint(version=5), "version 5 is not known"),
        (
            checkpoint(version=4, features=["views", "hooks", "byteString"]),
            "uses byteString, views",
        ),
        (
            checkpoint(
                checkpoint={"stack": "x", "latest": {"manifest": {"magic": "0", "version": "v1"}}}
            ),
            "magic number",
        ),
    ],
)
def test_refused(text: bytes, message: str) -> None:
    with pytest.raises(StateFormatError, match=message):
        Checkpoint.parse(text)


def test_other_secrets_providers_are_refused_by_name() -> None:
    latest = {"secrets_providers": {"type": "cloud", "state": {}}}
    found = Checkpoint.parse(checkpoint(checkpoint={"stack": "x", "latest": latest}))
    with pytest.raises(StateFormatError, match="kept by cloud"):
        _ = found.salt


@pytest.mark.parametrize("version", [0, 3])
def test_a_stack_without_state_yet(version: int) -> None:
    found = Checkpoint.parse(checkpoint(version=version, checkpoint={"stack": "x"}))
    snapshot = found.snapshot(Codec(CachingCrypter(PassphraseCrypter.create("x"))))
    assert (snapshot.resources, snapshot.pending, snapshot.salt) == ([], [], "")


def test_a_damaged_resource_is_told() -> None:
    latest = {"resources": [{"custom": True}]}
    found = Checkpoint.parse(checkpoint(checkpoint={"stack": "x", "latest": latest}))
    with pytest.raises(StateFormatError, match=r"'urn' is missing|damaged"):
        found.snapshot(Codec(CachingCrypter(PassphraseCrypter.create("x"))))


def _resources() -> list[Resource]:
    _, snapshot, _ = load("checkpoint-v3.json")
    return snapshot.resources


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ((0, 1, 3, 5, 2, 4), "does not stand before it"),
        ((0, 2, 1), "names the provider"),
        ((0, 1, 2, 2), "is there twice"),
    ],
)
def test_what_must_hold(order: tuple[int, ...], message: str) -> None:
    resources = _resources()
    found = problems([resources[i] for i in order])
    assert any(message in one for one in found), found


def test_two_objects_of_one_urn_when_one_waits_to_be_deleted() -> None:
    resources = _resources()
    assert problems(resources) == []
    assert problems([*resources, replace(resources[6], delete=False)])
