"""Names of accounts that Debian or the toolkit has itself: no operator can have one.

An operator's account is made with a shell, a group of its own name and the right to sudo; under
one of these names it would change an account that services run as, or fail where the group is
there already.
"""

from __future__ import annotations

from typing import Final

DEPLOY: Final = "hoaban"
"""Account that Ansible logs in with (also :data:`hoaban.image.guest.USER`)."""

# passwd.master and group.master of the package base-passwd, without names that USER_PATTERN
# refuses anyhow.
_BASE_USERS = (
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc nobody"
)
_BASE_GROUPS = (
    "adm audio cdrom dialout dip disk fax floppy kmem nogroup operator plugdev sasl shadow "
    "src staff sudo tape tty users utmp video voice"
)
# Made by packages of Debian's cloud images, and by those of services that servers are for.
_PACKAGES = (
    "avahi bind crontab debian debian-chrony dnsmasq docker elasticsearch etcd gnats grafana "
    "haproxy input kvm landscape libvirt-qemu lxd memcache messagebus minio mongodb mysql "
    "netdev nginx ntp ntpsec opensearch openldap polkitd pollinate postfix postgres prometheus "
    "rabbitmq redis render sgx squid ssh sshd ssl-cert statd syslog tcpdump tomcat tss ubuntu "
    "unscd uuidd valkey zabbix"
)
_TOOLKIT = f"{DEPLOY} hoaban-operators"
SYSTEM: Final = frozenset(f"{_BASE_USERS} {_BASE_GROUPS} {_PACKAGES} {_TOOLKIT}".split())
"""Names that are taken."""
_SYSTEM_PREFIX = "systemd-"


def is_taken(name: str) -> bool:
    """Whether an account of this name belongs to the system or the toolkit."""
    return name in SYSTEM or name.startswith(_SYSTEM_PREFIX)
