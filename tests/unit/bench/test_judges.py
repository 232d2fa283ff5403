"""What the benchmark of hardening reads from Lynis and OpenSCAP."""

from __future__ import annotations

import pytest

from tests.bench.judges import Lynis, Scap

REPORT = """# Lynis Report
lynis_version=3.1.4
hardening_index=81
warning[]=NETW-2705|Couldn't find 2 responsive nameservers|-|-|
suggestion[]=KRNL-6000|One or more sysctl values differ|-|Change sysctl value = 1|
suggestion[]=AUTH-9262|Install a PAM module|-|-|
details[]=KRNL-6000|sysctl|desc:sysctl key;field:kernel.modules_disabled;|
"""
PRINTED = """WARNING: Skipping a remote component.

--- Starting Evaluation ---

Title\tBuild and Test AIDE Database
Rule\txccdf_org.ssgproject.content_rule_aide_build_database
Ident\tCCE-1
Result\tfail

Title\tInstall AppArmor
Rule\txccdf_org.ssgproject.content_rule_package_apparmor_installed
Result\tpass

Title\tNo loader
Rule\txccdf_org.ssgproject.content_rule_grub2_password
Result\tnotapplicable

Title\tCut off
Rule\txccdf_org.ssgproject.content_rule_unfinished
"""


@pytest.mark.parametrize("parted", ["\t", "\r\t", "\n\t"])
def test_results_of_rules_however_parted(parted: str) -> None:
    assert Scap.of(PRINTED.replace("\t", parted)).count("fail") == 1


def test_lynis_report_gives_index_and_complaints_in_order() -> None:
    lynis = Lynis.of(REPORT)
    assert lynis.index == 81
    assert lynis.version == "3.1.4"
    assert lynis.warnings == ("NETW-2705: Couldn't find 2 responsive nameservers",)
    assert [one.split(":")[0] for one in lynis.suggestions] == ["AUTH-9262", "KRNL-6000"]


def test_a_report_without_an_index_is_no_report() -> None:
    with pytest.raises(KeyError):
        Lynis.of("lynis_version=3.1.4\n")


def test_results_of_rules_whatever_stands_between() -> None:
    scap = Scap.of(PRINTED)
    assert scap.results == {
        "aide_build_database": "fail",
        "package_apparmor_installed": "pass",
        "grub2_password": "notapplicable",
    }
    assert scap.failed == ["aide_build_database"]
    assert scap.count("notapplicable") == 1


def test_share_leaves_out_what_is_not_applicable() -> None:
    assert Scap.of(PRINTED).share == 50
    assert Scap({}).share == 0
