"""Digests of assets and archives, and how they get to a provider."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.embedded import assets
from hoaban.engine.embedded.assets import hash_archive, hash_asset
from hoaban.engine.embedded.properties import ARCHIVE_SIGNATURE, ASSET_SIGNATURE, SIGNATURE
from hoaban.errors import HoabanError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.conftest import Lab


def asset(**source: Any) -> dict[str, Any]:
    return {SIGNATURE: ASSET_SIGNATURE, **source}


def archive(**source: Any) -> dict[str, Any]:
    return {SIGNATURE: ARCHIVE_SIGNATURE, **source}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_assets(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("nội dung")
    expected = sha256("nội dung".encode())
    for source in (
        {"path": "f"},
        {"text": "nội dung"},
        {"uri": (tmp_path / "f").as_uri()},
    ):
        assert hash_asset(asset(**source), tmp_path)["hash"] == expected
    with pytest.raises(HoabanError, match="only http, https and file"):
        hash_asset(asset(uri="ftp://example.vn/x"), tmp_path)


def stream(files: dict[str, bytes]) -> bytes:
    """A tar stream of these files, as an archive's digest is made over."""
    parts = [part for name, content in files.items() for part in assets._entry(name, content)]
    return b"".join(parts) + bytes(1024)


def test_a_stream_is_a_tar() -> None:
    """What Go's writer makes is what others read: long names and names in Vietnamese too."""
    files = {
        "a": b"1",
        "bệnh viện/hồ sơ.txt": b"x" * 600,
        "d" * 60 + "/" + "e" * 90: b"",
        "f" * 120: b"long, and no folder to split at",
    }
    with tarfile.open(fileobj=io.BytesIO(stream(files))) as found:
        members = {one.name: found.extractfile(one).read() for one in found}  # type: ignore[union-attr]
        assert members == files
        assert {(one.mode, one.mtime, one.uid) for one in found} == {(0o600, 0, 0)}


def test_a_plain_stream_byte_by_byte() -> None:
    """Go's fields, of which Python's own writer leaves the device numbers empty."""
    block = stream({"a/b": b"hi"})[:512]
    assert block[:3] == b"a/b"
    numbers = [b"0000600", b"0000000", b"0000000", b"00000000002", b"00000000000"]
    assert block[100:148] == b"".join(one + b"\0" for one in numbers)
    assert block[148:156] == f"{tarfile.calc_chksums(block)[0]:06o}\0 ".encode()  # type: ignore[attr-defined]
    assert block[156:157] == b"0"
    assert block[257:265] == b"ustar\x0000"
    assert block[329:345] == b"0000000\x000000000\x00"


def test_archives(tmp_path: Path) -> None:
    """A file by its bytes, a folder and a map by the tar of their members, in order."""
    folder = tmp_path / "site"
    (folder / "b").mkdir(parents=True)
    (folder / ".pulumi").mkdir()
    (folder / ".pulumi/noise").write_text("x")
    (folder / "b/c").write_text("2")
    (folder / "b.txt").write_text("3")
    (folder / "a").write_text("1")
    expected = sha256(stream({"a": b"1", "b/c": b"2", "b.txt": b"3"}))
    assert hash_archive(archive(path="site"), tmp_path)["hash"] == expected
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.writestr("in/z", "9")
    assert hash_archive(archive(path="x.zip"), tmp_path)["hash"] == sha256(
        (tmp_path / "x.zip").read_bytes()
    )
    nested = archive(
        assets={
            "z": asset(text="t"),
            "site": archive(path="site"),
            "pack": archive(path="x.zip"),
        }
    )
    expected = sha256(
        stream({"pack/in/z": b"9", "site/a": b"1", "site/b/c": b"2", "site/b.txt": b"3", "z": b"t"})
    )
    assert hash_archive(nested, tmp_path)["hash"] == expected
    with pytest.raises(HoabanError, match="is no archive"):
        hash_archive(archive(path="site/a"), tmp_path)


def test_in_a_program(lab: Lab) -> None:
    """A provider gets them with their digests; a changed content is a changed input."""
    program = """
    Thing("t", content=pulumi.StringAsset("{}"), pack=pulumi.AssetArchive({{
        "index.html": pulumi.StringAsset("<p>"), "site": pulumi.FileArchive("site"),
    }}))
    """
    (lab.program_folder / "site").mkdir()
    (lab.program_folder / "site/a").write_text("1")
    lab.up(program.format("x"))
    made = lab.cloud.by_name("t").properties
    assert made["content"].source == {"text": "x"}
    assert made["content"].sha256 == sha256(b"x")
    stored = lab.resources()["t"]["inputs"]["pack"]
    assert stored["hash"] == sha256(stream({"index.html": b"<p>", "site/a": b"1"}))
    assert not lab.up().changed
    (lab.program_folder / "site/a").write_text("2")
    assert lab.up().changes["update"] == 1
    assert lab.up(program.format("y")).changes["update"] == 1
