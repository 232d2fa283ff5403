"""No port of a database from the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.model.types import Text
from stacks.policy.flows import from_the_world, opened
from stacks.policy.rule import ResourceRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.rule import Seen

PORTS: Final = {
    1433: "SQL Server",
    1521: "Oracle",
    2379: "etcd",
    3306: "MySQL",
    5432: "PostgreSQL",
    5984: "CouchDB",
    6379: "Redis",
    8086: "InfluxDB",
    9042: "Cassandra",
    9200: "OpenSearch",
    9300: "OpenSearch",
    11211: "memcached",
    27017: "MongoDB",
}


def _check(seen: Seen) -> Iterator[str]:
    found = opened(seen, PORTS, ["tcp", "udp"])
    if found and from_the_world(seen):
        told = ", ".join(f"{PORTS[port]} ({port})" for port in found)
        yield f"{seen.name} opens {told} to the world"


RULE = ResourceRule(
    id="databases-not-open",
    title=Text(vi="Cổng cơ sở dữ liệu không mở ra Internet", en="No database is open to the world"),
    reason=Text(
        vi="Cơ sở dữ liệu chỉ phục vụ tầng đứng trước nó. Mở ra Internet, mỗi lỗi cấu hình hay mật "
        "khẩu yếu là một vụ lộ dữ liệu.",
        en="A database serves the tier in front of it. Open to the world, each weak password and "
        "each fault of its configuration is a leak of its data.",
    ),
    mend="in the agency's file put the database into a tier of zone `data`, behind the tier that "
    "the public reaches; or take `public` out of the system's exposure",
    check=_check,
)
