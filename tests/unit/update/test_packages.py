"""What dpkg and apt say of an upgrade."""

from __future__ import annotations

from hoaban.update.packages import Change, changes, installed, simulated

BEFORE = """\
libssl3t64:amd64 3.5.1-1+deb13u1 installed
nano 8.4-1 installed
old-doc 1.0 config-files
gone 2.0 installed
"""
AFTER = """\
libssl3t64:amd64 3.5.4-1~deb13u1 installed
nano 8.4-1 installed
openssl-provider-legacy 3.5.4-1~deb13u1 installed
gone 2.0 config-files
reboot-required
"""
SIMULATED = """\
NOTE: This is only a simulation!
The following packages have been kept back:
  linux-image-cloud-amd64
Inst nano [8.4-1] (8.4-1+deb13u1 Debian:13.7/stable [amd64])
Inst libssl3t64 [3.5.1-1+deb13u1] (3.5.4-1~deb13u1 Debian-Security:13/stable-security [amd64]) []
Inst openssl-provider-legacy (3.5.4-1~deb13u1 Debian-Security:13/stable-security [amd64])
Conf nano (8.4-1+deb13u1 Debian:13.7/stable [amd64])
"""


def test_what_was_changed_from_what_to_what() -> None:
    assert changes(installed(BEFORE), installed(AFTER)) == [
        Change(package="gone", old="2.0", new=None),
        Change(package="libssl3t64:amd64", old="3.5.1-1+deb13u1", new="3.5.4-1~deb13u1"),
        Change(package="openssl-provider-legacy", old=None, new="3.5.4-1~deb13u1"),
    ]
    assert changes(installed(AFTER), installed(AFTER)) == []


def test_what_would_be_changed() -> None:
    assert simulated(SIMULATED) == [
        Change(package="libssl3t64", old="3.5.1-1+deb13u1", new="3.5.4-1~deb13u1"),
        Change(package="nano", old="8.4-1", new="8.4-1+deb13u1"),
        Change(package="openssl-provider-legacy", old=None, new="3.5.4-1~deb13u1"),
    ]
    assert simulated("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n") == []
