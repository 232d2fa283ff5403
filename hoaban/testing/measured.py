"""What well-behaved hosts would tell of themselves, for tests of checks and reports."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hoaban.backup.clients import client_of
from hoaban.backup.evidence import Drill, Files
from hoaban.backup.journal import FIRST, Entry
from hoaban.backup.watch import ClientState, KeptState, StoreState, Watch, proofs
from hoaban.controls.judge import questions, wanted
from hoaban.model.spec import ProvinceService
from hoaban.model.types import Direction, Family, Protocol
from hoaban.verify.facts import Facts
from hoaban.verify.gather import routes_between
from hoaban.verify.journals import Journals
from hoaban.verify.run import Scope
from hoaban.verify.scene import Ahead, Attempt, Scene, Trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hoaban.backup.clients import Client
    from hoaban.inventory.fleet import Fleet, ManagedHost
    from hoaban.model.environment import Rule, VolumePlan
    from hoaban.model.outputs import HostSettings
    from hoaban.verify.flows import Flow

GIB = 1 << 30
MIRROR = "http://10.64.0.20/debian"
DEPLOY_KEY = "ssh-ed25519 AAAAdeploy"
TODAY = date(2026, 12, 1)
OK = {"status": 0, "out": "", "err": ""}
APT = """\
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
Unattended-Upgrade::Origins-Pattern:: "origin=Debian,label=Debian-Security";
"""
AUDIT = """\
-a always,exit -F arch=b64 -F path=/etc/passwd -F perm=wa -F key=identity
-a always,exit -F arch=b64 -S execve -F auid>=1000 -F auid!=unset -F euid=0 -F key=as-root
"""
SSHD = """\
permitrootlogin no
passwordauthentication no
kbdinteractiveauthentication no
permitemptypasswords no
pubkeyauthentication yes
"""


def scene(fleet: Fleet, agency: str | None) -> Scene:
    """A whole environment in which every promise is kept."""
    state = fleet.state_of(agency)
    settings = fleet.settings_of(state)
    if settings is not None and settings.mirror is None:
        settings = settings.model_copy(update={"mirror": MIRROR})
    own = fleet.hosts_of(agency)
    neighbours = fleet.hosts_of(None) if agency is not None else []
    within = Scope(own, neighbours)
    routes = routes_between(own, [*own, *within.neighbours]) | routes_between(neighbours, own)
    return Scene(
        fleet=fleet,
        agency=agency,
        hosts=own,
        unbuilt=fleet.unbuilt(agency),
        settings=settings,
        facts={host.name: Facts.model_validate(facts(host, settings)) for host in own},
        silent={},
        inside=[trial(flow) for flows in routes.values() for flow in flows],
        mute={},
        outside=[],
        attempts={
            host.name: Attempt(False, ("publickey",), "Permission denied (publickey).")
            for host in own
        },
        clock={host.name: Ahead(0.21, 0.34) for host in own},
        deploy_key=DEPLOY_KEY,
        journals=Journals(
            folder="/srv/backup/journal",
            kept_seconds=366 * 86400.0,
            free_bytes=3 * GIB,
            newest={host.name: 1_795_367_140.0 for host in own},
            now=1_795_367_160.0,
        ),
        controls={host.name: hardened(host) for host in own},
        today=TODAY,
        backups=backed_up(own),
    )


def backed_up(hosts: Sequence[ManagedHost]) -> Watch:
    """Hosts with a backup of two hours ago that was proved a week ago; and who keeps them."""
    clients = [client for host in hosts if (client := client_of(host)) is not None]
    keepers = [host for host in hosts if ProvinceService.BACKUP_HOST in host.plan.services]
    made = {"id": "a" * 64, "files": 1234, "bytes": GIB}
    state = {"last": {"outcome": "done"}, "snapshot": made}
    own = {
        "configured": True, "state": state, "snapshot_age": 7200.0, "since_age": 9e6,
        "timer": {"UnitFileState": "enabled", "ActiveState": "active"}, "server": "",
    }  # fmt: skip
    kept = {"outcome": "done", "snapshots": 9, "check": {"outcome": "done", "damaged": []}}
    store = {"outcome": "done", "free_bytes": GIB, "size_bytes": 4 * GIB, "clients": 1}
    now = datetime.now(UTC)
    return Watch(
        clients={one.name: ClientState.model_validate(own) for one in clients},
        kept={one.name: KeptState.model_validate({"state": kept, "age": 3e4}) for one in clients},
        store={
            one.name: StoreState.model_validate({"state": store, "age": 3e4}) for one in keepers
        },
        proofs=proofs([proved(one, now - timedelta(days=7)) for one in clients], now),
    )


def proved(client: Client, moment: datetime) -> Entry:
    """A drill of a client that proved its backup."""
    done = Drill(
        agency=client.agency,
        host=client.name,
        toolkit="1",
        ordered=moment,
        rpo_seconds=86400,
        rto_seconds=28800,
        snapshot="a" * 64,
        snapshot_time=moment - timedelta(hours=2),
        took_seconds=300,
        files=Files(same=1234, bytes=GIB),
    )
    return Entry(number=1, time=moment, previous=FIRST, record=done.record(), digest="d" * 64)


def hardened(host: ManagedHost) -> list[str | None]:
    """What the agent finds on a host whose controls are all kept."""
    level = host.environment.security_level
    pairs = questions(level, [*map(str, host.plan.services)])
    return [wanted(setting, level) for _, setting in pairs]


def trial(flow: Flow, state: str | None = None) -> Trial:
    """A flow that went as its rules say, unless told how else."""
    usual = "silent"
    if flow.allowed:
        listens = flow.port in (22, 123) or flow.protocol is Protocol.ICMP
        usual = "open" if listens else "refused"
    return Trial(flow, state or usual, 14 if flow.allowed else 4000)


def facts(host: ManagedHost, settings: HostSettings | None) -> dict[str, Any]:
    """The agent's answer of a host that is as its plan says."""
    plan = host.plan
    network = next(net for net in host.environment.networks if net.zone == plan.zone)
    serves = ProvinceService.TIME in plan.services
    source = str(settings.ntp_servers[0]) if settings and not serves else "127.127.1.1"
    return {
        "system": {
            "hostname": plan.name,
            "fqdn": plan.fqdn,
            "os": "Debian GNU/Linux 13 (trixie)",
            "kernel": "6.12.48+deb13-cloud-amd64",
            "cpus": plan.size.vcpus,
            "memory_mb": int(plan.size.ram_mb * 0.95),
            "uptime_seconds": 372.4,
            "cloud_init_done": True,
            "cloud_init_errors": [],
            "reboot_required": False,
        },
        "network": {
            "addresses": [
                {
                    "ifname": "ens3",
                    "mtu": 1442,
                    "operstate": "UP",
                    "addr_info": [
                        address("inet", str(plan.ipv4), network.ipv4.prefixlen, "global"),
                        address("inet6", str(plan.ipv6), 128, "global"),
                        address("inet6", "fe80::f816:3eff:fe00:1", 64, "link"),
                    ],
                }
            ],
            "routes": [
                {"dst": "default", "gateway": str(network.gateway_ipv4), "dev": "ens3"},
                {"dst": "default", "gateway": "fe80::f816:3eff:feaa:1", "dev": "ens3"},
            ],
        },
        "clock": {
            "tracking": OK
            | {
                "out": f"0A3F000A,{source},{10 if serves else 11},1795367146.6,0.000123456,"
                "0.000011,0.0002,-12.3,0.001,0.05,0.0011,0.0002,64.4,Normal\n"
            }
        },
        "volumes": [
            volume(one, f"/dev/vd{chr(98 + number)}") for number, one in enumerate(plan.volumes)
        ],
        "disks": {
            "blockdevices": [
                disk(host, one, f"/dev/vd{chr(98 + number)}")
                for number, one in enumerate(plan.volumes)
            ]
        },
        "fstab": "".join(
            f"LABEL={one.label} {one.mount} {one.filesystem} defaults,nofail 0 2\n"
            for one in plan.volumes
        ),
        "units": [],
        "state": "running",
        "sshd": SSHD,
        "people": {
            "root": {"shell": "/bin/bash", "password": False, "keys": []},
            "hoaban": {"shell": "/bin/bash", "password": False, "keys": [DEPLOY_KEY]},
            **{
                operator.name: {
                    "shell": "/bin/bash",
                    "password": False,
                    "keys": [" ".join(key.split()[:2]) for key in operator.ssh_keys],
                }
                for operator in (settings.operators if settings else [])
            },
        },
        "filter": ruleset(host.rules),
        "filter_file": {"sha256": "5f" * 32, "ruleset": ruleset(host.rules), "error": ""},
        "filter_unit": {"UnitFileState": "enabled", "ActiveState": "active"},
        "updates": {
            "units": {
                unit: {"UnitFileState": "enabled", "ActiveState": "active"}
                for unit in ("apt-daily.timer", "apt-daily-upgrade.timer")
            },
            "settings": APT,
            "dry_run": OK | {"out": "No packages found that can be upgraded unattended\n"},
            "lists": [{"label": "Debian-Security", "age_seconds": 86400.0}],
        },
        "audit": {
            "status": OK | {"out": "enabled 1\nfailure 1\npid 512\nlost 0\nbacklog 0\n"},
            "rules": OK | {"out": AUDIT},
            "written": f"-D\n-b 8192\n\n-f 1\n{AUDIT}-e 1\n",
            "unit": {"UnitFileState": "enabled", "ActiveState": "active"},
        },
    }


def address(family: str, local: str, length: int, scope: str) -> dict[str, Any]:
    """One address of an interface."""
    return {"family": family, "local": local, "prefixlen": length, "scope": scope}


def volume(plan: VolumePlan, device: str) -> dict[str, Any]:
    """A mounted volume."""
    return {
        "mount": plan.mount,
        "device": device,
        "filesystem": plan.filesystem,
        "options": "rw,relatime",
        "filesystem_bytes": int(plan.size_gb * GIB * 0.97),
        "free_bytes": int(plan.size_gb * GIB * 0.92),
        "written": True,
        "write_error": "",
        "write_milliseconds": 38,
    }


def disk(host: ManagedHost, plan: VolumePlan, path: str) -> dict[str, Any]:
    """The disk of a volume, its file system on it without partitions."""
    return {
        "path": path,
        "type": "disk",
        "size": plan.size_gb * GIB,
        "fstype": plan.filesystem,
        "label": plan.label,
        "serial": host.output.volume_ids[plan.name][:20],
    }


def ruleset(rules: Sequence[Rule]) -> dict[str, Any]:
    """A rule set as ``nft -j`` lists it."""
    chains = [
        {
            "chain": {
                "family": "inet",
                "table": "hoaban",
                "name": name,
                "type": "filter",
                "hook": name,
                "prio": 0,
                "policy": "drop",
            }
        }
        for name in ("input", "forward", "output")
    ]
    return {"nftables": [*chains, *({"rule": _nft(rule)} for rule in rules)]}


def _nft(rule: Rule) -> dict[str, Any]:
    ingress = rule.direction is Direction.INGRESS
    layer = "ip" if rule.family is Family.IPV4 else "ip6"
    side = {"payload": {"protocol": layer, "field": "saddr" if ingress else "daddr"}}
    remote = {"prefix": {"addr": str(rule.remote.network_address), "len": rule.remote.prefixlen}}
    matches = [_equal(side, remote)]
    if rule.remote.prefixlen == 0:
        matches = [_equal({"meta": {"key": "nfproto"}}, str(rule.family))]
    if rule.protocol is Protocol.ICMP or rule.port_min is None:
        six = {"icmp": "ipv6-icmp"} if rule.family is Family.IPV6 else {}
        protocol = six.get(str(rule.protocol), str(rule.protocol))
        matches.append(_equal({"meta": {"key": "l4proto"}}, protocol))
    else:
        port = {"payload": {"protocol": str(rule.protocol), "field": "dport"}}
        last = rule.port_max or rule.port_min
        ports = rule.port_min if last == rule.port_min else {"range": [rule.port_min, last]}
        matches.append(_equal(port, ports))
    return {
        "family": "inet",
        "table": "hoaban",
        "chain": "input" if ingress else "output",
        "comment": rule.id,
        "expr": [*matches, {"counter": {"packets": 0, "bytes": 0}}, {"accept": None}],
    }


def _equal(left: Mapping[str, Any], right: Any) -> dict[str, Any]:
    return {"match": {"op": "==", "left": left, "right": right}}
