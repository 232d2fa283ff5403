"""Between hosts, what the rules allow gets through, and nothing else does."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from hoaban.verify.checks.base import Check, both, joined
from hoaban.verify.model import Finding, Status
from hoaban.verify.scene import UNPROVED, UNTRIED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hoaban.model.types import Text
    from hoaban.verify.scene import Scene, Trial

MOST_NAMED: Final = 12
STATES: Final = {
    "open": both("có trả lời", "answered"),
    "refused": both("thông, chưa có dịch vụ", "open way, nothing listens"),
    "silent": both("bị chặn (không hồi đáp)", "dropped"),
    "blocked": both("bị chặn tại nguồn", "stopped at the source"),
    "unreachable": both("không có đường tới", "no way there"),
    UNTRIED: both(
        "không thử vì máy kiểm tra không có tuyến riêng tới đó",
        "not tried, since the checking machine has no route of its own there",
    ),
    UNPROVED: both(
        "không hồi đáp, nhưng không có gì chứng tỏ gói tin tới được đó: bộ định tuyến không trả "
        "lời ping từ máy kiểm tra (gửi ping cần quyền root)",
        "without an answer, but nothing shows that packets get there: the router does not answer "
        "a ping from the checking machine (which takes root to send)",
    ),
}


class FlowsInside(Check):
    """Tries flows in both families from each host, forbidden ones across tiers among them."""

    id = "flows-inside"
    title = both("Phân vùng mạng, từ bên trong", "Segmentation, from inside")
    proves = both(
        "Giữa các máy chủ, mọi luồng được phép đều thông và các luồng không được phép đều bị chặn, "
        "trên cả IPv4 và IPv6.",
        "Between hosts, every allowed flow gets through and what is not allowed is dropped, in "
        "IPv4 and IPv6.",
    )
    how = both(
        "Từ mỗi máy chủ thử mở kết nối TCP, gửi UDP và ICMP tới các máy chủ khác. Có trả lời hoặc "
        "bị từ chối tức là đường thông; hết giờ tức là bị chặn.",
        "From each host TCP connections, UDP and ICMP packets are tried to the others. An answer "
        "or a refusal means that the way is open; silence means that it is not.",
    )

    def examine(self, scene: Scene) -> Iterable[Finding]:
        """Findings on each source (:func:`findings`)."""
        for name, reason in scene.mute.items():
            yield Finding(host=name, status=Status.SKIP, evidence=reason)
        sources = dict.fromkeys(trial.flow.source for trial in scene.inside)
        for source in sources:
            yield from findings(source, [t for t in scene.inside if t.flow.source == source])
        if not sources and not scene.mute:
            yield _without_sources(scene)


def findings(host: str, trials: Sequence[Trial]) -> Iterator[Finding]:
    """All trials of one host: failures by name, the rest in numbers.

    Trials that proved nothing are a finding of their own, so that others do not cover them.
    """
    unproved = [trial for trial in trials if trial.verdict is Status.SKIP]
    proved = [trial for trial in trials if trial.verdict is not Status.SKIP]
    if proved:
        wrong = [trial for trial in proved if trial.verdict is Status.FAIL]
        texts = [_named(trial) for trial in wrong[:MOST_NAMED]]
        if len(wrong) > MOST_NAMED:
            more = len(wrong) - MOST_NAMED
            texts.append(both(f"và {more} luồng nữa", f"and {more} more"))
        texts.append(counted(proved))
        status = Status.FAIL if wrong else Status.PASS
        yield Finding(host=host, status=status, evidence=joined(texts))
    if unproved:
        words = both("Chưa chứng minh được: ", "Not proved: ")
        numbers = counted(unproved)
        evidence = both(words.vi + numbers.vi, words.en + numbers.en)
        yield Finding(host=host, status=Status.SKIP, evidence=evidence)


def _without_sources(scene: Scene) -> Finding:
    if scene.silent:
        mute = both("Không máy chủ nào trả lời để thử", "No host answered to try from")
        return Finding(status=Status.SKIP, evidence=mute)
    alone = both("Không có máy chủ nào khác để thử", "There is no other host to try")
    return Finding(status=Status.NONE, evidence=alone)


def counted(trials: Sequence[Trial]) -> Text:
    """How many flows of which kind went which way."""
    parts: list[Text] = []
    for kind, vi, en in ((True, "được phép", "allowed"), (False, "không được phép", "forbidden")):
        states = Counter(trial.state for trial in trials if trial.flow.allowed is kind)
        if not states:
            parts.append(both(f"0 luồng {vi}", f"0 {en} flows"))
            continue
        words = [(STATES.get(state, both(state, state)), n) for state, n in states.most_common()]
        parts.append(
            both(
                f"{states.total()} luồng {vi}: " + ", ".join(f"{n} {w.vi}" for w, n in words),
                f"{states.total()} {en} flows: " + ", ".join(f"{n} {w.en}" for w, n in words),
            )
        )
    return joined(parts)


def _named(trial: Trial) -> Text:
    state = STATES.get(trial.state, both(trial.state, trial.state))
    if trial.flow.allowed:
        return both(
            f"{trial.flow} phải thông nhưng {state.vi}", f"{trial.flow} must be open: {state.en}"
        )
    return both(f"{trial.flow} phải bị chặn nhưng {state.vi}",
                f"{trial.flow} must be dropped: {state.en}")  # fmt: skip
