"""The packet filter that is loaded on a host is the one that its rules make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hoaban.verify.checks.base import Check, both, judged
from hoaban.verify.passages import passage_of
from hoaban.verify.ruleset import difference, match_of, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hoaban.inventory.fleet import ManagedHost
    from hoaban.model.types import Text
    from hoaban.verify.facts import Facts
    from hoaban.verify.model import Finding
    from hoaban.verify.passages import Passage
    from hoaban.verify.ruleset import Match, Reading
    from hoaban.verify.scene import Scene

MOST_NAMED: Final = 6


class PacketFilter(Check):
    """Reads the kernel's rules and compares them, one by one, with those of the plan."""

    id = "packet-filter"
    title = both("Tường lửa trên máy chủ", "Packet filter")
    proves = both(
        "Tường lửa đang chạy trên mỗi máy chủ cho qua đúng các luồng trong quy tắc, chặn mọi thứ "
        "khác, và được nạp lại khi khởi động.",
        "The packet filter that runs on each host lets through exactly the flows of the rules, "
        "drops all else, and is loaded again at boot.",
    )
    how = both(
        "Đọc bộ quy tắc từ nhân (nft list ruleset) và so từng quy tắc với quy hoạch; quy tắc không "
        "hiểu được là lỗi. Tệp nạp lúc khởi động được nạp thử trong một không gian mạng riêng, và "
        "phải cho đúng bộ quy tắc đang chạy.",
        "The rule set is read from the kernel (nft list ruleset) and compared rule by rule with "
        "the plan; a rule that is not understood is a failure. The file of the next boot is loaded "
        "in a network namespace of its own, and must give the very rules that run.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """One finding a host."""
        return scene.each(lambda host, facts: [self._judge(host, facts)])

    def _judge(self, host: ManagedHost, facts: Facts) -> Finding:
        running = read(facts.filter)
        planned: set[Match | Passage] = {match_of(rule) for rule in host.rules}
        planned |= {passage_of(rule) for rule in host.transit}
        loaded: set[Match | Passage] = {*running.loaded, *running.passed}
        problems = [
            both(f"chuỗi {name} không chặn mặc định", f"chain {name} does not drop by default")
            for name in running.open_hooks
        ]
        problems += _some(planned - loaded, "thiếu quy tắc", "missing rule")
        problems += _some(loaded - planned, "quy tắc ngoài quy hoạch",
                          "rule outside the plan")  # fmt: skip
        problems += _some(running.strange, "quy tắc lạ", "rule of unknown meaning")
        problems += _of_next_boot(running, facts)
        digest = facts.filter_file.sha256[:12]
        measured = both(
            f"{len(loaded & planned)} trên {len(planned)} quy tắc đã nạp, tệp {digest}",
            f"{len(loaded & planned)} of {len(planned)} rules loaded, file {digest}",
        )
        return judged(host.name, problems, measured)


def _of_next_boot(running: Reading, facts: Facts) -> list[Text]:
    """What is wrong with the rules that the next boot loads; those that run are judged already."""
    if facts.filter_unit.get("UnitFileState") != "enabled":
        return [both("không được nạp lại khi khởi động", "would not be loaded again at boot")]
    if facts.filter_file.ruleset is None:
        why = facts.filter_file.error or "no reason given"
        return [
            both(
                f"không rõ lúc khởi động sẽ nạp gì, tệp không nạp thử được: {why}",
                f"what a boot would load is not known, its file could not be tried: {why}",
            )
        ]
    return _some(
        difference(running.objects, read(facts.filter_file.ruleset).objects),
        "lúc khởi động sẽ nạp quy tắc khác, khác ở",
        "other rules would be loaded at boot, which differ in",
    )


def _some(items: Iterable[object], vi: str, en: str) -> list[Text]:
    texts = [both(f"{vi}: {one}", f"{en}: {one}") for one in sorted(map(str, items))]
    if len(texts) <= MOST_NAMED:
        return texts
    more = len(texts) - MOST_NAMED
    return [*texts[:MOST_NAMED], both(f"và {more} nữa", f"and {more} more")]
