"""From an agency's file to verified servers. The tests run in order: each goes on from the last."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cloud.province import AGENCY
from tests.e2e.conftest import MIRROR
from tests.e2e.pool import older

if TYPE_CHECKING:
    from tests.e2e.conftest import Estate
    from tests.e2e.outside import Guest

pytestmark = pytest.mark.e2e

WEB, DATA = f"{AGENCY}-portal-web-1", f"{AGENCY}-portal-data-1"


def findings(verification: dict[str, Any], status: str) -> list[str]:
    """What a verification found, as lines."""
    return [
        f"{check['id']} {finding['host']}: {finding['evidence']['en']}"
        for check in verification["checks"]
        for finding in check["findings"]
        if finding["status"] == status
    ]


def test_foundation_is_configured(estate: Estate) -> None:
    result = estate.hoaban("converge")
    assert set(result["hosts"]) == {"bastion", "backup-1", "vpn-1", "vpn-2"}
    assert not any(host["failed"] or host["unreachable"] for host in result["hosts"].values())
    answer = estate.on("backup-1", "curl -sk -o /dev/null -w %{http_code} https://localhost:8000/")
    assert answer == "401", "the backup server asks for an account"


def test_up_delivers_a_verified_environment(estate: Estate) -> None:
    [delivery] = estate.hoaban("up", AGENCY, "--yes")
    assert delivery["checks"]["fail"] == 0
    verification = json.loads(Path(delivery["report"]).with_name("verify.json").read_text())
    assert findings(verification, "fail") == []
    unproved = findings(verification, "skip")
    assert [line for line in unproved if line.startswith("updates ")] == []
    proved = {check["id"] for check in verification["checks"] if findings_of(check, "pass")}
    assert proved >= {
        "answers", "addresses", "flows-inside", "flows-outside", "packet-filter", "ssh", "time",
        "volumes", "updates", "units",
    }  # fmt: skip


def findings_of(check: dict[str, Any], status: str) -> list[dict[str, Any]]:
    """A check's findings of one status."""
    return [finding for finding in check["findings"] if finding["status"] == status]


def test_report_is_one_page_in_two_languages(estate: Estate) -> None:
    folder = estate.province.workspace.reports / AGENCY
    page = (folder / "handover.html").read_text(encoding="utf-8")
    assert "Sở Thử Nghiệm" in page
    assert "Department of Tests" in page
    assert WEB in page
    assert DATA in page
    assert "<svg" in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page), "nothing is loaded"
    data = json.loads((folder / "handover.json").read_text(encoding="utf-8"))
    assert findings(data["verification"], "fail") == []


def test_again_over_plain_ssh_changes_nothing(estate: Estate, outside: Guest) -> None:
    assert outside.address, "it boots meanwhile"
    result = estate.hoaban("converge", AGENCY, "--transport", "ssh", "--host", DATA)
    assert result["changed"] == 0
    assert set(result["hosts"]) == {DATA}
    assert estate.hoaban("plan", AGENCY, "--refresh", "--expect-no-changes")["losses"] == []


def test_ansible_by_hand(estate: Estate) -> None:
    graph = estate.run("hoaban", "status").stdout
    assert DATA in graph
    config = {"ANSIBLE_CONFIG": str(Path(__file__).parents[2] / "ansible.cfg")}
    inventory = str(estate.province.workspace.inventory / "hoaban.yml")
    words = ["env", *(f"{k}={v}" for k, v in config.items())]
    listing = estate.run(*words, "ansible-inventory", "-i", inventory, "--graph").stdout
    assert "@agency_so_thu_nghiem" in listing
    ping = estate.run(
        *words, "ansible", "-i", inventory, "agency_so_thu_nghiem", "-m", "ansible.builtin.ping"
    ).stdout
    assert ping.count('"pong"') == 2 or ping.count("pong") == 2


def test_a_filter_changed_by_hand_is_found_and_mended(estate: Estate) -> None:
    estate.on(WEB, "sudo nft insert rule inet hoaban input tcp dport 9999 accept")
    wrong = estate.hoaban("verify", AGENCY, status=1)
    assert any(line.startswith(f"packet-filter {WEB}") for line in findings(wrong, "fail"))
    mended = estate.hoaban("converge", AGENCY, "--host", WEB)
    assert mended["changed"] > 0
    assert "9999" not in estate.on(WEB, "sudo nft list table inet hoaban")


def test_an_update_comes_from_the_mirror_and_leaves_the_host_well(estate: Estate) -> None:
    """A version of the release itself is put in place of the security update; that comes again."""
    listing = estate.on(WEB, "dpkg-query --show --showformat='${Package} ${Version}\\n'")
    there = older(MIRROR, dict(line.split() for line in listing.splitlines()))
    if there is None:
        pytest.skip("the archive has no older version of anything that is installed")
    estate.on(WEB, f"curl -fsS -o /tmp/older.deb '{there.url}' && sudo dpkg -i /tmp/older.deb")
    lacking = estate.hoaban("update", AGENCY, "--host", WEB, "--security", "--check")
    change = {"package": there.package, "old": there.old, "new": there.new}
    assert lacking["hosts"] == {WEB: {"changes": [change]}}
    estate.on(WEB, "sudo touch /run/reboot-required")
    booted = estate.on(WEB, "cat /proc/sys/kernel/random/boot_id")
    done = estate.hoaban("update", AGENCY, "--host", WEB, "--security")
    assert done["errors"] == []
    assert [wave["state"] for wave in done["waves"]] == ["done"]
    (changed,) = done["hosts"][WEB]["changes"]
    assert changed["package"].partition(":")[0] == there.package
    assert (changed["old"], changed["new"]) == (there.old, there.new)
    assert done["hosts"][WEB]["rebooted"] is True
    assert estate.on(WEB, "cat /proc/sys/kernel/random/boot_id") != booted
    assert there.new in estate.on(WEB, f"dpkg-query --show {there.package}")


def test_a_volume_grows_and_keeps_its_data(estate: Estate) -> None:
    size = "df --output=size -BM /srv/db | tail -1"
    estate.on(DATA, "head -c 8M /dev/urandom | sudo tee /srv/db/proof | sha256sum > /tmp/sum")
    before = int(estate.on(DATA, size).strip().rstrip("M"))
    estate.province.tiers["data"]["volumes"][0]["size_gb"] = 2
    estate.province.write()
    (step,) = estate.hoaban("up", AGENCY, "--provision-only", "--yes")
    assert step["resources"].get("update", 0) >= 1
    assert step["resources"].get("replace", 0) == 0
    estate.hoaban("converge", AGENCY, "--host", DATA)
    assert int(estate.on(DATA, size).strip().rstrip("M")) > 1.8 * before
    estate.on(DATA, "sudo cat /srv/db/proof | sha256sum | cmp - /tmp/sum")


def test_a_changed_host_key_is_refused(estate: Estate) -> None:
    (pins,) = estate.province.workspace.known_hosts.glob(f"*{AGENCY}")
    true = pins.read_text()
    blob = re.search(rf"^{WEB}\S* ssh-ed25519 (\S+)$", true, re.MULTILINE)
    assert blob is not None
    key = blob.group(1)
    other = key[:-8] + ("AAAAAAAA" if not key.endswith("AAAAAAAA") else "BBBBBBBB")
    estate.run("ssh", "-F", str(estate.province.workspace.home / "ssh_config"), "-O", "exit", WEB,
               status=None)  # fmt: skip
    pins.write_text(true.replace(key, other))
    try:
        refused = estate.run("hoaban", "ssh", WEB, "--", "true", status=None)
    finally:
        pins.write_text(true)
    assert refused.returncode == 255
    assert "verification failed" in refused.stderr.lower()
