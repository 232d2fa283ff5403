from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hoaban.errors import HoabanError
from hoaban.image import mirror
from hoaban.image.mirror import HostMirror, parse_targets

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVE = "http://mirror.example/debian"


def listing(*targets: tuple[str, str, str, str]) -> str:
    return "\n".join("|".join(target) for target in targets)


def test_archives_are_found_among_others() -> None:
    found = parse_targets(
        listing(
            ("https://elsewhere.example/docker/", "bookworm", "stable", "Docker"),
            ("https://elsewhere.example/other/", "bookworm", "main", "Somebody"),
            (f"{ARCHIVE}/", "bookworm", "contrib", "Debian"),
            (f"{ARCHIVE}/", "bookworm", "main", "Debian"),
            (f"{ARCHIVE}/", "bookworm-updates", "main", "Debian"),
            ("http://mirror.example/safe/", "bookworm-security", "main", "Debian"),
        ),
        "bookworm",
    )
    assert found == HostMirror("bookworm", ARCHIVE, "http://mirror.example/safe")


def test_before_the_first_update_apt_knows_no_origin() -> None:
    found = parse_targets(listing((f"{ARCHIVE}/", "bookworm", "main", "$(ORIGIN)")), "bookworm")
    assert found.archive == ARCHIVE


def test_security_lies_beside_the_archive_unless_it_is_named() -> None:
    found = parse_targets(listing((f"{ARCHIVE}/", "bookworm", "main", "Debian")), "bookworm")
    assert found.security == "http://mirror.example/debian-security"


@pytest.mark.parametrize("text", ["", listing((f"{ARCHIVE}/", "sid", "main", "Debian"))])
def test_no_source_of_the_release_is_an_error(text: str) -> None:
    with pytest.raises(HoabanError, match="no source for Debian bookworm") as caught:
        parse_targets(text, "bookworm")
    assert "apt-get update" in str(caught.value.mend)


def test_sources_of_another_release_carry_updates_and_security() -> None:
    text = HostMirror("bookworm", ARCHIVE, f"{ARCHIVE}-security").sources("trixie")
    assert text.count("Types: deb\n") == 2
    assert f"URIs: {ARCHIVE}\nSuites: trixie trixie-updates\n" in text
    assert f"URIs: {ARCHIVE}-security\nSuites: trixie-security\n" in text
    assert text.count("Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n") == 2


def test_how_the_mirror_is_reached_is_carried_over_and_weak_trust_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {
        "apt-get": f"{ARCHIVE}/|trixie|main|Debian\n",
        "apt-config": 'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::Check-Valid-Until "false";\n'
        'Acquire::AllowInsecureRepositories "true";\n'
        'APT::Get::AllowUnauthenticated "true";\n',
    }
    monkeypatch.setattr(mirror, "_run", lambda *command: answers[command[0]])
    monkeypatch.setattr(mirror, "_os_release", lambda: {"VERSION_CODENAME": "trixie"})
    assert mirror.host_mirror().options == (
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::Check-Valid-Until "false";',
    )


def test_backports_are_added_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = HostMirror("bookworm", ARCHIVE, f"{ARCHIVE}-security")
    monkeypatch.setattr(mirror, "host_mirror", lambda: here)
    file = tmp_path / "hoaban-backports.sources"
    assert mirror.ensure_backports(file) is True
    assert f"URIs: {ARCHIVE}\nSuites: bookworm-backports\n" in file.read_text()
    assert mirror.ensure_backports(file) is False
    file.write_text("of another mirror\n")
    assert mirror.ensure_backports(file) is True
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_list_of_mirrors_on_this_machine_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "debian.list"
    # As apt-get indextargets prints it, with a slash at its end.
    text = listing((f"mirror+file:{file}/", "bookworm", "main", "Debian"))
    with pytest.raises(HoabanError, match="cannot be read: No such file") as caught:
        parse_targets(text, "bookworm")
    assert str(file) in str(caught.value.mend)
    file.write_text("\n# none yet\n")
    with pytest.raises(HoabanError, match="names none"):
        parse_targets(text, "bookworm")
    file.write_text(f"# ours\n{ARCHIVE}/\tpriority:1\nhttp://second.example/debian\n")
    found = parse_targets(text, "bookworm")
    assert found.archive == ARCHIVE
    assert found.security == f"{ARCHIVE}-security"
