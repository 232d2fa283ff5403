from __future__ import annotations

import threading
import time
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from hoaban.errors import UsageError
from hoaban.lab import logs

if TYPE_CHECKING:
    from hoaban.lab.layout import Layout


def test_last_lines(layout: Layout) -> None:
    layout.log_of("glance").write_text("".join(f"line {n}\n" for n in range(9)))
    assert logs.tail(layout, "glance", 2) == "line 7\nline 8"
    assert logs.tail(layout, "nova-api") == ""
    assert list(logs.read(layout, "glance", 1, follow=False)) == [("glance", "line 8")]


def test_all_programs_each_with_its_name(layout: Layout) -> None:
    layout.log_of("glance").write_text("a\n")
    layout.log_of("cinder-api").write_text("b\n")
    assert list(logs.read(layout, None, 5, follow=False)) == [("cinder-api", "b"), ("glance", "a")]


def test_unknown_program(layout: Layout) -> None:
    layout.log_of("glance").write_text("")
    with pytest.raises(UsageError, match="no program of the lab has the name glnace") as caught:
        list(logs.read(layout, "glnace", 5, follow=False))
    assert caught.value.mend == "give one of: glance"


def test_following_goes_on_after_the_file_is_renewed(layout: Layout) -> None:
    path = layout.log_of("glance")
    path.write_text("old\n")
    lines = logs.read(layout, "glance", 1, follow=True)
    assert next(lines) == ("glance", "old")

    def write() -> None:
        time.sleep(0.1)
        with path.open("a") as stream:
            stream.write("ha")
            stream.flush()
            time.sleep(0.4)  # the reader meets half a line
            stream.write("lf\nlast\n")
        path.rename(path.with_suffix(".log.1"))
        path.write_text("new\n")

    writer = threading.Thread(target=write)
    writer.start()
    found = [line for _, line in islice(lines, 3)]
    writer.join()
    assert found == ["half", "last", "new"]
