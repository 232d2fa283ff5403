"""Tunnels to the central Government's networks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from hoaban.model.spec import ProvinceService
from hoaban.verify.checks.base import Check, both, joined, judged
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.centre import CentreLink
    from hoaban.model.types import Text
    from hoaban.verify.facts import Facts, IpsecGateway, Tunnel
    from hoaban.verify.scene import Scene

LEAST_DAYS: Final = 14
"""A certificate has to be asked for, signed elsewhere and brought back."""
STRONG: Final = re.compile(r"AES_GCM_16_256|CHACHA20_POLY1305")
UP: Final = "ESTABLISHED"
CARRYING: Final = frozenset({"INSTALLED", "REKEYING", "REKEYED", "UPDATING"})


class CentreTunnels(Check):
    """Reads what the IKE daemon tells of its tunnels."""

    id = "centre"
    title = both("Đường hầm tới Trung ương", "Tunnels to the centre")
    proves = both(
        "Một máy chủ IPsec có đường hầm đang hoạt động tới đúng thiết bị của Trung ương, với thuật "
        "toán mạnh; các máy còn lại sẵn sàng thay thế; chứng thư số còn hạn ít nhất "
        f"{LEAST_DAYS} ngày.",
        "One IPsec gateway has a working tunnel with a gateway of the centre that is the one it "
        "claims to be, by strong algorithms; the others stand by; certificates are valid for at "
        f"least {LEAST_DAYS} days more.",
    )
    how = both(
        "Hỏi dịch vụ IKE (strongSwan) về đường hầm, danh tính đối tác, thuật toán, bẫy lưu lượng, "
        "chứng thư số. Đường hầm được lập khi có lưu lượng: nếu chưa có lưu lượng thì chưa chứng "
        "minh được.",
        "The IKE daemon (strongSwan) is asked for tunnels, the identity of their peers, "
        "algorithms, traps and the certificate. Tunnels are made on demand: where nothing has "
        "asked for one, none is proved.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a gateway, or one that there is none."""
        link = scene.settings.centre if scene.settings else None
        gateways = {h.name for h in scene.hosts if ProvinceService.IPSEC_GATEWAY in h.plan.services}
        if not gateways or link is None:
            yield Finding(
                status=Status.NONE,
                evidence=both(
                    "Không có đường hầm nào tới Trung ương được hứa ở đây",
                    "No tunnel to the centre is promised here",
                ),
            )
            return
        known = {name: facts.ipsec for name, facts in scene.facts.items() if name in gateways}
        anybody = any(told and _working(told) for told in known.values())

        def judge(host: ManagedHost, facts: Facts) -> list[Finding]:
            if host.name not in gateways:
                return []
            return [_judge(host.name, facts.ipsec, link, anybody)]

        for finding in scene.each(judge):
            if finding.host in gateways:
                yield finding


def _judge(host: str, told: IpsecGateway | None, link: CentreLink, anybody: bool) -> Finding:
    if told is None:
        problem = both("dịch vụ IKE không trả lời", "the IKE daemon gives no answer")
        return judged(host, [problem], both("không có số đo", "nothing was measured"))
    if told.certificate is None:
        missing = both(
            "Chưa có chứng thư số cho khóa của máy chủ: yêu cầu ký nằm trong /etc/swanctl trên máy "
            "chủ, kết nối chưa được nạp",
            "There is no certificate for the host's key yet: its request is in /etc/swanctl on the "
            "host, no connection is loaded",
        )
        return Finding(host=host, status=Status.SKIP, evidence=missing)
    problems, valid = _certificate(told)
    names = {peer.identity for peer in link.peers}
    for tunnel in told.sas:
        problems += _tunnel(tunnel, names, link)
    tunnels = _working(told)
    if tunnels:
        return judged(host, problems, joined([*map(_described, tunnels), valid]))
    if not told.traps:
        problems.append(both("không có bẫy lưu lượng", "no trap waits for traffic"))
    waits = both("chờ lưu lượng", "waits for traffic")
    if anybody or problems:
        return judged(host, problems, joined([waits, valid]))
    unproved = both(
        "chưa có lưu lượng nên chưa có đường hầm nào", "nothing has asked for a tunnel yet"
    )
    return Finding(host=host, status=Status.SKIP, evidence=joined([unproved, valid]))


def _working(told: IpsecGateway) -> list[Tunnel]:
    return [
        one
        for one in told.sas
        if one.state == UP and any(child.state in CARRYING for child in one.children)
    ]


def _certificate(told: IpsecGateway) -> tuple[list[Text], Text]:
    """What is wrong with the gateway's certificate, and how long it is valid."""
    try:
        until = datetime.fromisoformat((told.certificate or {})["notAfter"]).astimezone(UTC)
    except (KeyError, ValueError):
        problem = both("không đọc được hạn của chứng thư số", "the certificate's end is unreadable")
        return [problem], both("không rõ hạn", "validity unknown")
    day = until.date().isoformat()
    valid = both(f"chứng thư số hạn đến {day}", f"certificate valid until {day}")
    if until - datetime.now(UTC) >= timedelta(days=LEAST_DAYS):
        return [], valid
    return [
        both(
            f"chứng thư số hết hạn trong chưa đầy {LEAST_DAYS} ngày",
            f"the certificate ends in less than {LEAST_DAYS} days",
        )
    ], valid


def _tunnel(tunnel: Tunnel, names: set[str], link: CentreLink) -> list[Text]:
    if tunnel.state != UP:
        return []
    problems = []
    if tunnel.remote_id not in names:
        stranger = tunnel.remote_id
        problems.append(
            both(f"đường hầm với {stranger}, không có trong kế hoạch", f"a tunnel with {stranger}")
        )
    suites = [tunnel.suite, *(child.suite for child in tunnel.children if child.state in CARRYING)]
    problems += [
        both(f"thuật toán yếu: {suite}", f"a weak algorithm: {suite}")
        for suite in suites
        if not STRONG.fullmatch(suite)
    ]
    if link.post_quantum == "require" and not tunnel.ake1.startswith("ML_KEM"):
        problems.append(both("không có ML-KEM", "without ML-KEM"))
    return problems


def _described(tunnel: Tunnel) -> Text:
    exchange = "+".join(part for part in (tunnel.exchange, tunnel.ake1) if part)
    words = f"{tunnel.remote_id} ({tunnel.suite}, {tunnel.prf}, {exchange})"
    return both(f"đường hầm với {words}", f"tunnel with {words}")
