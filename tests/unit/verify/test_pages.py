from __future__ import annotations

from hoaban.verify.checks import CHECKS
from hoaban.verify.pages import PAGE, page


def test_the_page_is_what_the_checks_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m hoaban.verify.pages"


def test_every_check_has_a_section() -> None:
    assert page().count("\n## ") == len(CHECKS)
