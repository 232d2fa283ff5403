from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.errors import HoabanError
from hoaban.files import write_atomic
from hoaban.model.types import Text
from hoaban.report.handover import Handover, Verdict, gather
from hoaban.report.page import render
from hoaban.report.topology import draw
from hoaban.report.write import write
from hoaban.testing import exported
from hoaban.verify.model import Finding, Status
from hoaban.verify.run import report_file
from tests.unit.report.conftest import DEPARTMENT, judged, proved

if TYPE_CHECKING:
    from hoaban.model.province import Province
    from hoaban.report.shapes import Topology
    from hoaban.verify.model import VerifyReport
    from hoaban.verify.scene import Scene
    from hoaban.workspace import Workspace

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
EVIL = """<script>alert(1)</script>"><img src=x onerror=alert(1)> & {{ 7 * 7 }} '"""


class Page(HTMLParser):
    """Sees that tags are balanced, and gathers attributes and text by language."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str | None]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[tuple[str | None, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            language = dict(attrs).get("lang") or (self.open[-1][1] if self.open else None)
            self.open.append((tag, language))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open and self.open[-1][0] != "style":
            self.words.append((self.open[-1][1], data.strip()))

    def text(self, language: str) -> str:
        """All text of one language."""
        return " ".join(words for lang, words in self.words if lang == language)


def handover(workspace: Workspace, province: Province, report: VerifyReport) -> Handover:
    write_atomic(report_file(workspace, DEPARTMENT), report.model_dump_json())
    return gather(workspace, province, DEPARTMENT)


@pytest.fixture
def good(workspace: Workspace, province: Province, scene: Scene) -> Handover:
    return handover(workspace, province, proved(judged(scene)))


def promised(report: VerifyReport) -> int:
    """How many checks have something to prove; where nothing was promised, there is nothing."""
    return sum(check.status is not Status.NONE for check in report.checks)


def test_one_page_that_loads_nothing(good: Handover) -> None:
    text = render(good)
    page = Page(text)
    loading = {"src", "srcset", "href", "action", "data", "poster", "xlink:href"}
    assert [a for a in page.attributes if a[1] in loading] == []
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import|<script|<link|<iframe", text)
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_heading_and_parties_are_those_of_a_vietnamese_record(good: Handover) -> None:
    vietnamese = Page(render(good)).text("vi")
    for words in (
        "Cộng hòa xã hội chủ nghĩa Việt Nam",
        "Độc lập - Tự do - Hạnh phúc",
        "Biên bản bàn giao môi trường",
        "Sở Khoa học và Công nghệ",
        "Nguyễn Văn A",
        "Đủ điều kiện bàn giao",
        f"{promised(good.verification)} nội dung kiểm tra đạt, 0 không đạt",
        "(Ký, ghi rõ họ tên)",
    ):
        assert words in vietnamese
    english = Page(render(good)).text("en")
    assert "Fit for handover" in english
    assert "Record of handover of an environment" in english


def test_every_host_address_volume_rule_and_check_is_on_the_page(good: Handover) -> None:
    text = " ".join(words for _, words in Page(render(good)).words)
    plan = good.environment
    for host in plan.hosts:
        for words in (host.fqdn, str(host.ipv4), str(host.ipv6)):
            assert words in text
        for volume in host.volumes:
            assert volume.mount in text
            assert good.hosts[host.name].volume_ids[volume.name] in text
    for network in plan.networks:
        assert str(network.ipv4) in text
        assert str(network.gateway_ipv6) in text
    for rule in (rule for group in plan.security_groups for rule in group.rules):
        assert rule.reason.vi in text
        assert rule.reason.en in text
    for check in good.verification.checks:
        assert check.title.vi in text
        for finding in check.findings:
            assert " ".join(finding.evidence.en.split()) in text
    assert good.stack.digest in text


def test_a_failed_check_shows_plainly(
    workspace: Workspace, province: Province, scene: Scene
) -> None:
    report = proved(judged(scene))
    host = scene.hosts[0].name
    failed = Finding(host=host, status=Status.FAIL, evidence=Text(vi="cổng mở", en="port open"))
    checks = [report.checks[0].model_copy(update={"findings": [failed]}), *report.checks[1:]]
    made = handover(workspace, province, report.model_copy(update={"checks": checks}))
    text = render(made)
    page = Page(text)
    assert not made.ready
    assert "CHƯA đủ điều kiện bàn giao" in page.text("vi")
    assert "NOT fit for handover" in page.text("en")
    assert "Not to be signed" in page.text("en")
    assert "is handed over and received" not in page.text("en")
    assert "Không được ký" in page.text("vi")
    assert 'class="verdict unfit"' in text
    assert 'class="check fail" id="check-answers"' in text
    assert "port open" in page.text("en")
    (box,) = [h for t in draw(made).tiers for h in t.hosts if h.plan.name == host]
    assert box.state == "fail"


def test_what_is_not_proved_is_named_beside_the_signatures(
    workspace: Workspace, province: Province, scene: Scene
) -> None:
    report = proved(judged(scene))
    host = scene.hosts[0].name
    reason = Text(vi="không đo được", en="could not be measured")
    doubt = Finding(host=host, status=Status.SKIP, evidence=reason)
    first = report.checks[0]
    checks = [first.model_copy(update={"findings": [*first.findings, doubt]}), *report.checks[1:]]
    made = handover(workspace, province, report.model_copy(update={"checks": checks}))
    text = render(made)
    page = Page(text)
    assert made.verdict is Verdict.UNPROVED
    assert made.ready
    assert page.text("vi").count("Đạt, còn 1 nội dung chưa chứng minh") == 2
    counted = f"{promised(report) - 1} nội dung kiểm tra đạt, 0 không đạt, 1 chưa chứng minh được"
    assert counted in page.text("vi")
    assert "Đủ điều kiện bàn giao" not in page.text("vi")
    assert "Fit for handover" not in page.text("en")
    assert "is handed over and received" in page.text("en")
    reserve = text[text.index('class="reserve block"') : text.index('class="signatures"')]
    assert first.title.vi in reserve
    assert report.checks[1].title.vi not in reserve
    (box,) = [h for t in draw(made).tiers for h in t.hosts if h.plan.name == host]
    assert box.state == "skip"
    written = write(workspace, province, DEPARTMENT)
    assert json.loads(written.data.read_text())["verdict"] == "unproved"


def test_where_nothing_was_promised_nothing_is_in_doubt(
    workspace: Workspace, province: Province, scene: Scene
) -> None:
    report = proved(judged(scene))
    moot = Finding(status=Status.NONE, evidence=Text(vi="không có ổ", en="no volume"))
    checks = [*report.checks[:-1], report.checks[-1].model_copy(update={"findings": [moot]})]
    made = handover(workspace, province, report.model_copy(update={"checks": checks}))
    page = Page(render(made))
    assert made.verdict is Verdict.FIT
    left = promised(report) - 1
    assert f"{left}/{left}" in [words for _, words in page.words]
    moot_before = len(report.checks) - promised(report)
    assert f"Nothing to prove: {moot_before + 1}." in page.text("en")


def test_a_change_after_the_verification_shows_plainly(
    workspace: Workspace, province: Province, scene: Scene
) -> None:
    made = handover(workspace, province, proved(judged(scene)))
    assert made.ready
    outputs = exported.export(province.environment(DEPARTMENT), settings=province.settings())
    changed = outputs.model_copy(update={"project_id": "another"})
    exported.write_checkpoint(workspace.backend, "agency", DEPARTMENT, changed)
    stale = gather(workspace, province, DEPARTMENT)
    assert stale.stale
    assert not stale.ready
    assert "has to be checked again" in Page(render(stale)).text("en")


def evil(value: Any) -> Any:
    """The value with every free text made hostile."""
    text = Text(vi=EVIL, en=EVIL)
    plan = value.environment
    groups = [
        group.model_copy(
            update={"rules": [rule.model_copy(update={"reason": text}) for rule in group.rules]}
        )
        for group in plan.security_groups
    ]
    checks = [
        check.model_copy(
            update={
                "title": text,
                "findings": [f.model_copy(update={"evidence": text}) for f in check.findings],
            }
        )
        for check in value.verification.checks
    ]
    hosts = {
        name: host.model_copy(update={"os": EVIL, "kernel": EVIL})
        for name, host in value.verification.hosts.items()
    }
    party = value.party.model_copy(
        update={
            "name": text,
            "systems": dict.fromkeys(value.party.systems, text),
            "contact": value.party.contact.model_copy(
                update={"name": EVIL, "email": EVIL, "role": text}
            ),
        }
    )
    return value.model_copy(
        update={
            "province": text,
            "party": party,
            "image": EVIL,
            "project_id": EVIL,
            "environment": plan.model_copy(update={"security_groups": groups}),
            "verification": value.verification.model_copy(
                update={"checks": checks, "hosts": hosts}
            ),
        }
    )


def test_hostile_names_stay_text(good: Handover) -> None:
    plain, page = Page(render(good)), Page(render(evil(good)))
    tags = {name for name, _, _ in plain.attributes}
    assert {name for name, _, _ in page.attributes} == tags
    assert not [a for a in page.attributes if a[1].startswith("on")]
    assert "<script" not in render(evil(good))
    assert "{{ 7 * 7 }}" in " ".join(words for _, words in page.words)


def test_files_say_the_same(workspace: Workspace, province: Province, good: Handover) -> None:
    written = write(workspace, province, DEPARTMENT)
    data = json.loads(written.data.read_text())
    assert Handover.model_validate(data) == written.handover
    assert data["environment"] == good.environment.model_dump(mode="json")
    assert written.page.read_text() == render(written.handover)
    assert written.page.name == "handover.html"


def test_without_a_verification_there_is_no_report(
    workspace: Workspace, province: Province
) -> None:
    with pytest.raises(HoabanError) as caught:
        write(workspace, province, DEPARTMENT)
    assert caught.value.mend == f"hoaban verify {DEPARTMENT}"


def test_the_province_has_a_report_of_its_own(
    workspace: Workspace, province: Province, scene: Scene
) -> None:
    foundation = dataclasses.replace(scene, agency=None, hosts=scene.fleet.hosts_of(None))
    silent = {host.name: Text(vi="im", en="silent") for host in foundation.hosts}
    report = judged(dataclasses.replace(foundation, facts={}, silent=silent, attempts={}))
    write_atomic(report_file(workspace, None), report.model_dump_json())
    made = gather(workspace, province, None)
    assert made.shared == []
    assert "Hạ tầng số của tỉnh Sơn La" in Page(render(made)).text("vi")


@pytest.fixture
def drawing(good: Handover) -> Topology:
    return draw(good)


def test_boxes_lie_apart_inside_the_drawing(drawing: Topology) -> None:
    boxes = [(t.x, t.y, t.width, t.height) for t in drawing.tiers]
    boxes += [(s.x, s.y, s.width, s.height) for s in drawing.sources]
    boxes += [(s.x, s.y, s.width, 88.0) for s in drawing.shared]
    for number, (x, y, width, height) in enumerate(boxes):
        assert x >= 0
        assert x + width <= drawing.width
        assert y + height <= drawing.height
        for x2, y2, width2, height2 in boxes[number + 1 :]:
            apart = x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y
            assert apart


def test_arrows_are_the_allowed_flows_and_no_others(drawing: Topology) -> None:
    starts = {tier.x + tier.width for tier in drawing.tiers}
    inner = [(a.x1, a.label) for a in drawing.arrows if a.x1 in starts]
    outer = [a.label for a in drawing.arrows if a.x1 not in starts]
    assert [label for _, label in inner] == ["TCP 8080", "TCP 5432", "TCP 5432"]
    assert outer == ["TCP 80, 443", "TCP 443"]
    assert {(s.host.name, *s.host.reaches, *s.host.serves) for s in drawing.shared} == {
        ("bastion", "TCP 22", "UDP 123"),
        ("backup-1", "TCP 8000", "TCP 19532"),
    }


def test_all_hosts_are_drawn_once(drawing: Topology, good: Handover) -> None:
    drawn = [host.plan.name for tier in drawing.tiers for host in tier.hosts]
    assert sorted(drawn) == sorted(host.name for host in good.environment.hosts)
    assert {host.state for tier in drawing.tiers for host in tier.hosts} == {"pass"}
