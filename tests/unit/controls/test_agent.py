"""What the agent reads, from files of the tests' own."""

from __future__ import annotations

import pwd
from typing import TYPE_CHECKING

import pytest

from hoaban.verify.agents import controls

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "proc/sys/kernel/dmesg_restrict": "1\n",
    "proc/sys/net/ipv4/conf/all/send_redirects": "0\n",
    "proc/sys/net/ipv4/conf/default/send_redirects": "1\n",
    "proc/sys/net/ipv4/conf/lo/send_redirects": "1\n",
    "proc/sys/net/ipv4/conf/ens3/send_redirects": "1\n",
    "proc/modules": "cramfs 1 0 - Live 0x0\n",
    "etc/login.defs": "#UMASK 022\nUMASK\t\t027  \nPASS_MAX_DAYS 90\n",
    "etc/security/faillock.conf": "# deny = 9\ndeny = 3 # three\naudit\n",
    "etc/passwd": "root:x:0:0:::\ntoor:x:0:0:::\nlan:x:1000:1000:::\n",
    "etc/group": "root:x:0:\nlan:x:1000:\nhoa:x:1000:\n",
    "etc/shadow": "root:!:1\nfrr:$y$hash:1\npostgres:!:1\nnobody-else:*:1\n",
    "etc/ssh/authorized_keys.d/postgres": "ssh-ed25519 AAAA",
    "proc/self/mounts": "tmpfs /tmp tmpfs rw,nosuid,nodev,noexec 0 0\n",
    "etc/fstab": "# tmpfs /tmp tmpfs noexec 0 0\ntmpfs /tmp tmpfs nosuid 0 0\n",
    "etc/pam.d/common-auth": "# pam_faillock.so\nauth  [success=1 default=ignore] pam_unix.so\n",
    "etc/pam.d/common-account": "# pam_unix.so no_pass_expiry\naccount [success=1] pam_unix.so\n",
    "etc/pam.d/common-password": "password [success=1] pam_unix.so obscure yescrypt\n",
    "sys/module/apparmor/parameters/enabled": "Y\n",
    "sys/kernel/security/apparmor/profiles": "chronyd (enforce)\nrsyslogd (unconfined)\n",
}


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    shown = {
        "modprobe": "install hfs /bin/false\ninstall usb_storage /bin/false\nblacklist minix\n",
        "sshd": "macs a,b\nbanner /etc/issue.net\n",
        "dpkg-query": "ii telnet\nrc nis\n",
        "sudo": "Sudo version 1.9\n",
    }
    monkeypatch.setattr(controls, "ROOT", tmp_path)
    accounts = {"root": 0, "frr": 101, "postgres": 102, "bin": 103, "lan": 1000}
    shells = {name: "/usr/sbin/nologin" if name == "bin" else "/bin/bash" for name in accounts}
    entries = [
        pwd.struct_passwd((name, "x", uid, uid, "", "/", shells[name]))
        for name, uid in accounts.items()
    ]
    monkeypatch.setattr(controls.pwd, "getpwall", lambda: entries)
    monkeypatch.setattr(controls, "command", lambda *words: shown[words[0]])
    for cached in (controls.text, controls.modprobe, controls.sshd_settings, controls.installed):
        cached.cache_clear()
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("sysctl", "kernel.dmesg_restrict", "1"),
        ("sysctl", "kernel.no_such", None),
        ("sysctl", "net.ipv4.conf.all.send_redirects", "0 (ens3: 1)"),
        ("module", "hfs", "barred"),
        ("module", "usb-storage", "barred"),
        ("module", "minix", "loadable"),
        ("module", "cramfs", "loaded"),
        ("sshd", "macs", "a,b"),
        ("sshd", "ciphers", None),
        ("line", "/etc/login.defs UMASK", "027"),
        ("line", "/etc/login.defs PASS_MIN_DAYS", None),
        ("conf", "/etc/security/faillock.conf deny", "3"),
        ("conf", "/etc/security/faillock.conf audit", ""),
        ("conf", "/etc/security/faillock.conf unlock_time", None),
        ("file", "/etc/issue", None),
        ("mode", "/etc/none", None),
        ("mount", "/tmp nosuid", "set"),  # noqa: S108
        ("mount", "/tmp noexec", "now set, not set at boot"),  # noqa: S108
        ("mount", "/dev/shm noexec", "now not set, not set at boot"),  # noqa: S108
        ("package-absent", "telnet", "installed"),
        ("package-absent", "nis", "absent"),
        ("pam", "faillock", "not set"),
        ("pam", "no-nullok", "set"),
        ("pam", "yescrypt", "set"),
        ("pam", "pwquality", "not set"),
        ("pam", "age-of-used-passwords-only", "not set"),
        ("state", "accounts", "account 0 twice; account toor has 0; group 1000 twice"),
        ("state", "apparmor", "neither enforced nor complaining: rsyslogd"),
        ("state", "sudo-pty", "off"),
        ("state", "journal", "volatile"),
        ("state", "service-logins", "frr, postgres"),
    ],
)
def test_reads(kind: str, key: str, value: str | None) -> None:
    assert controls.measure(kind, key) == value


def test_what_can_not_be_read_says_why() -> None:
    assert controls.main({"asked": [["pam", "su"], ["sysctl", "kernel.dmesg_restrict"]]}) == {
        "found": [controls.measure("pam", "su"), "1"]
    }
    assert (controls.measure("pam", "su") or "").startswith("![Errno 2] No such file")
    assert (controls.measure("state", "no-such") or "").startswith("!")
