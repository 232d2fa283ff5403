"""From outside, only what the rules open to the outside can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hoaban.verify.checks.base import Check, both
from hoaban.verify.checks.flows_inside import findings
from hoaban.verify.model import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.verify.scene import Scene


class FlowsOutside(Check):
    """Tries the hosts from the machine that checks: floating addresses and inner ones."""

    id = "flows-outside"
    title = both("Phân vùng mạng, từ bên ngoài", "Segmentation, from outside")
    proves = both(
        "Từ bên ngoài chỉ tới được những cổng mà quy tắc mở cho bên ngoài; địa chỉ nội bộ không "
        "tới được.",
        "From outside only those ports can be reached that the rules open to it; inner addresses "
        "cannot.",
    )
    how = both(
        "Từ máy kiểm tra thử các cổng TCP và UDP trên địa chỉ nổi và trên địa chỉ nội bộ IPv4, "
        "IPv6 của từng máy chủ; nếu máy kiểm tra nằm cùng mạng ngoài với bộ định tuyến của tỉnh "
        "thì gói tin được trao thẳng cho bộ định tuyến, như kẻ tấn công ở đó sẽ làm. Việc không "
        "hồi đáp chỉ được tính khi đã chứng minh gói tin tới được bộ định tuyến và trả lời quay về "
        "được: địa chỉ cổng của mạng đó trả lời ping theo cùng đường, hoặc một luồng được phép tới "
        "chính địa chỉ đó có trả lời.",
        "TCP and UDP ports are tried from the checking machine, at floating addresses and at each "
        "host's inner IPv4 and IPv6 addresses; where that machine is on the external network "
        "beside the province's router, packets are handed to the router, as an attacker there "
        "would. Silence counts only where it is proved that packets get to the router and answers "
        "come back: the gateway of that network answers a ping that goes the same way, or an "
        "allowed flow to the address itself is answered.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """Findings on each host (:func:`hoaban.verify.checks.flows_inside.findings`)."""
        names = dict.fromkeys(trial.flow.destination for trial in scene.outside)
        for name in names:
            yield from findings(name, [t for t in scene.outside if t.flow.destination == name])
        if not names:
            nothing = both("Không có địa chỉ nào để thử", "There is no address to try")
            yield Finding(status=Status.SKIP, evidence=nothing)
