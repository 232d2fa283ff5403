"""What goes wrong, and what is left then: one clear message, a true state, a way on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.api import Interrupted, Options, ProtectedError
from hoaban.engine.embedded import EmbeddedEngine, lock
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.journal import Journal
from hoaban.engine.embedded.lock import Lock, LockedError
from hoaban.engine.embedded.program import Program, ProgramError
from hoaban.engine.embedded.store import Store
from hoaban.engine.provider import PartialFailureError, ProviderError
from hoaban.engine.storage import StateWriteError, folder
from hoaban.errors import ExitCode, HoabanError, Location, ManyErrors
from tests.engine.fake_provider import FakeCloud

if TYPE_CHECKING:
    from tests.engine.conftest import Lab

URN = "urn:pulumi:dev::shop::fake:index:Thing::"
THREE = """
a = Thing("a", x=1)
b = Thing("b", a=a.id)
c = Thing("c", x=1)
d = Thing("d", c=c.id)
"""

CHAIN = """
a = Thing("a")
b = Thing("b", a=a.id)
c = Thing("c", b=b.id)
d = Thing("d", c=c.id)
"""


def test_stops_at_the_first_failure(lab: Lab) -> None:
    under_way = threading.Event()

    def refuse() -> None:
        assert under_way.wait(10)
        raise ProviderError(
            "no quota for ports", where=Location(request_id="req-1"), mend="ask for more"
        )

    def take_time() -> None:
        under_way.set()
        time.sleep(0.3)

    lab.cloud.fail = {"create a": refuse, "create c": take_time}
    with pytest.raises(ProviderError) as caught:
        lab.up(THREE)
    told = str(caught.value)
    assert "no quota for ports" in told
    assert "request req-1" in told
    assert URN + "a" in told
    assert "__main__.py:18" in told, "the line of the program that made the resource"
    assert "mend: ask for more" in told
    assert set(lab.resources()) == {"shop-dev", "default", "c"}, "what ran was let finish"
    assert lab.cloud.names("create").count("d") == 0
    assert lab.messages("error") == ["no quota for ports"]
    failed = [one.res_op_failed_event for one in lab.events if one.res_op_failed_event]
    assert [one.metadata.urn for one in failed] == [URN + "a"]
    lab.cloud.fail.clear()
    assert lab.up().changes == {"same": 3, "create": 3}


def test_what_a_broken_connection_made_is_found_by_the_next_run(lab: Lab) -> None:
    """The cloud made it, the answer never came, and nobody was there to be asked."""
    lost = ProviderError("the connection broke")
    lost.undecided = True
    lab.cloud.fail["after create a"] = lost
    with pytest.raises(ProviderError, match="the connection broke"):
        lab.up('Thing("a")')
    (made,) = lab.cloud.things
    lab.cloud.fail.clear()
    lab.up()
    assert list(lab.cloud.things) == [made], "adopted, not made again"
    assert lab.resources()["a"]["id"] == made


def test_one_cause_is_told_once(lab: Lab) -> None:
    """What every call would have met, whichever resource met it."""

    def down() -> None:
        time.sleep(0.5)  # so that all are under way
        error = ProviderError("cannot create x: nobody answers", mend="see whether it is up")
        error.common = "nobody answers"
        raise error

    lab.cloud.fail = {f"create {name}": down for name in "abc"}
    with pytest.raises(HoabanError, match="steps failed for one reason: nobody answers") as caught:
        lab.up('for name in "abc": Thing(name)')
    assert not isinstance(caught.value, ManyErrors)
    assert caught.value.mend == "see whether it is up"


def test_goes_on_without_what_failed(lab: Lab) -> None:
    lab.cloud.fail["create a"] = ProviderError("first")
    lab.cloud.fail["create d"] = ProviderError("second")
    with pytest.raises(ManyErrors) as caught:
        lab.up(THREE + 'e = Thing("e")', continue_on_error=True)
    assert sorted(one.what for one in caught.value.errors) == ["first", "second"]
    assert set(lab.resources()) == {"shop-dev", "default", "c", "e"}
    assert "b" not in lab.cloud.names("create"), "what depends on a failure is left out"


def test_outputs_of_what_failed_are_as_they_were(lab: Lab) -> None:
    program = """
    a = Thing("a", replace_x=%d)
    b = Thing("b", x=1)
    group = Group("g")
    group.register_outputs({"a": a.address, "b": b.address})
    export("a", a.address)
    export("b", b.address)
    export("c", Output.all(a.address, b.address))
    """
    lab.up(program % 1)
    before = lab.engine.outputs(lab.stack)
    lab.cloud.fail["create a"] = ProviderError("no")
    with pytest.raises(ProviderError):
        lab.up(program % 2, continue_on_error=True)
    assert lab.engine.outputs(lab.stack) == before
    with pytest.raises(ProviderError):
        lab.up(program % 2 + 'export("d", a.address)', continue_on_error=True)
    assert lab.engine.outputs(lab.stack) == before
    assert lab.resources()["g"]["outputs"].keys() == {"a", "b"}


def test_nothing_is_deleted_after_a_failure(lab: Lab) -> None:
    lab.up(THREE)
    lab.cloud.fail["create new"] = ProviderError("no")
    with pytest.raises(ProviderError):
        lab.up('a = Thing("a", x=1)\nThing("new")', continue_on_error=True)
    assert {"b", "c", "d"} <= set(lab.resources())


def test_a_failed_delete_keeps_what_it_needs(lab: Lab) -> None:
    lab.up(THREE)
    lab.cloud.fail["delete b"] = ProviderError("b is busy")
    with pytest.raises(ProviderError, match="b is busy"):
        lab.run("destroy", continue_on_error=True)
    assert set(lab.resources()) == {"shop-dev", "default", "a", "b"}
    assert sorted(lab.cloud.names("delete")) == ["b", "c", "d"]
    lab.cloud.fail.clear()
    lab.run("destroy")
    assert lab.cloud.things == {}


def test_a_half_made_server_is_kept_and_replaced(lab: Lab) -> None:
    """A server in ERROR is in the state, with nova's word for it; the next run replaces it."""
    with pytest.raises(PartialFailureError, match="web went to ERROR") as caught:
        lab.up('web = Thing("web", broken=True)\nafter = Thing("after", web=web.id)')
    assert caught.value.detail == "No valid host"
    web = lab.resources()["web"]
    assert web["initErrors"] == ["web went to ERROR"]
    assert web["id"] in lab.cloud.things
    assert "after" not in lab.resources()
    result = lab.up('web = Thing("web")\nafter = Thing("after", web=web.id)')
    assert result.changes["create-replacement"] == 1
    assert "initErrors" not in lab.resources()["web"]
    assert len(lab.cloud.things) == 2


def test_a_half_made_update_is_finished(lab: Lab) -> None:
    lab.up('a = Thing("a", size=1)')

    def half() -> None:
        thing = lab.cloud.by_name("a")
        from hoaban.engine.provider import ResourceState  # noqa: PLC0415

        raise PartialFailureError(
            "resized, but not restarted", state=ResourceState(thing.id, {"size": 2})
        )

    lab.cloud.fail["after update a"] = half
    with pytest.raises(PartialFailureError):
        lab.up('a = Thing("a", size=2)')
    assert lab.resources()["a"]["inputs"]["size"] == 2
    lab.cloud.fail.clear()
    lab.cloud.calls.clear()
    assert lab.up().changes["update"] == 1
    assert lab.cloud.names("update") == ["a"]
    assert not lab.up().changed


def test_refused_inputs(lab: Lab) -> None:
    with pytest.raises(
        HoabanError, match="inputs are refused: refuse: the cidr is no cidr"
    ) as caught:
        lab.preview('a = Thing("a", refuse="the cidr is no cidr")')
    assert caught.value.where is not None
    assert (caught.value.where.urn, caught.value.where.key) == (URN + "a", "refuse")
    lab.config = {"fake:region": "nowhere"}
    with pytest.raises(HoabanError, match="there is no such region"):
        lab.preview('a = Thing("a")')


def test_protected_stops_an_update_before_anything_is_done(lab: Lab) -> None:
    lab.up('data = Thing("data", Opts(protect=True), replace_size=1)\nother = Thing("other")')
    lab.cloud.calls.clear()
    for program in (
        'new = Thing("new")\ndata = Thing("data", Opts(protect=True), replace_size=2)',
        'new = Thing("new")',
    ):
        with pytest.raises(HoabanError, match="it is protected and would be") as caught:
            lab.up(program)
        assert URN + "data" in str(caught.value)
        assert lab.cloud.names("create") == []
    assert set(lab.resources()) == {"shop-dev", "default", "data", "other"}


def test_a_preview_shows_the_whole_plan_and_what_stops_it(lab: Lab) -> None:
    guarded = "Opts(protect=True)"
    lab.up(f'Thing("a", {guarded}, replace_x=1)\nThing("b", {guarded})\nThing("c")')
    with pytest.raises(ManyErrors) as caught:
        lab.preview(f'Thing("a", {guarded}, replace_x=2)')
    refused = [one for one in caught.value.errors if isinstance(one, ProtectedError)]
    assert sorted(str(one.where.urn)[-1] for one in refused if one.where) == ["a", "b"]
    shown = [one.res_outputs_event.metadata for one in lab.events if one.res_outputs_event]
    told = sorted(f"{one.op.value} {one.urn[-1]}" for one in shown if "Thing" in one.urn)
    assert told == [
        "create-replacement a",
        "delete b",
        "delete c",
        "delete-replaced a",
        "replace a",
    ]


def test_released(lab: Lab) -> None:
    """What someone agreed to lose goes, though it is protected or retained; the rest stays so."""
    lab.up("""
    Thing("a", Opts(protect=True, retain_on_delete=True))
    Thing("b", Opts(protect=True))
    """)
    with pytest.raises(ProtectedError):
        lab.up("", released=[URN + "a"])
    assert lab.resources()["a"]["protect"] is True
    lab.up("", released=[URN + "a", URN + "b"])
    assert lab.cloud.things == {}


def test_rehearsed(lab: Lab) -> None:
    """Without looking first, what is protected stops the run when it comes to it."""
    lab.up('Thing("data", Opts(protect=True))')
    with pytest.raises(ProtectedError):
        lab.up('Thing("new")', rehearsed=True)
    assert lab.cloud.names("create") == ["data", "new"]
    assert "data" in lab.resources()


def test_destroy_names_all_that_is_protected(lab: Lab) -> None:
    lab.up('for n in "ab": Thing(n, Opts(protect=True))\nThing("c")')
    with pytest.raises(ManyErrors) as caught:
        lab.run("destroy")
    assert [one.where.urn[-1] for one in caught.value.errors if one.where and one.where.urn] in (
        ["a", "b"],
        ["b", "a"],
    )
    assert lab.cloud.names("delete") == []
    lab.up('for n in "ab": Thing(n)\nThing("c")')
    assert lab.run("destroy").changes == {"delete": 5}


def test_the_programs_own_exception(lab: Lab) -> None:
    lab.program("""
    def deeper():
        return {}["missing"]

    made = Thing("made")
    deeper()
    """)
    with pytest.raises(ProgramError, match="the program failed: KeyError: 'missing'") as caught:
        lab.up()
    detail = caught.value.detail or ""
    assert detail.startswith("Traceback (most recent call last):")
    assert detail.rstrip().endswith("KeyError: 'missing'")
    assert 'return {}["missing"]' in detail
    assert "in deeper" in detail
    for inner in ("runner.py", "runpy", "asyncio", "pulumi/runtime"):
        assert inner not in detail
    assert caught.value.where is not None
    assert caught.value.where.file == str(lab.program_folder / "__main__.py")
    assert set(lab.resources()) == {"shop-dev", "default", "made"}


@pytest.mark.parametrize(
    "raising", ["raise_error()", "Output.from_input(1).apply(lambda _: raise_error())"]
)
def test_an_error_for_people_raised_in_a_program(lab: Lab, raising: str) -> None:
    lab.program(f"""
    from hoaban.errors import HoabanError, Location

    def raise_error():
        raise HoabanError(
            "agency so-y-te has no sites",
            where=Location(file="so-y-te.yml", line=3, key="sites"),
            mend="add a site",
        )

    {raising}
    """)
    with pytest.raises(HoabanError) as caught:
        lab.preview()
    assert (
        str(caught.value) == "so-y-te.yml:3: sites: agency so-y-te has no sites\n  mend: add a site"
    )
    assert not isinstance(caught.value, ProgramError)


def test_several_errors_for_people(lab: Lab) -> None:
    lab.program("""
    from hoaban.errors import ManyErrors, PolicyError
    raise ManyErrors([PolicyError("one"), PolicyError("two")])
    """)
    with pytest.raises(ManyErrors) as caught:
        lab.preview()
    assert [one.what for one in caught.value.errors] == ["one", "two"]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import sys; sys.exit(7)", r"exit\(7\)"),
        ("import os; os._exit(9)", "ended with status 9 and no word"),
        ("import os; os.kill(os.getpid(), 9)", "ended with status -9 and no word"),
        (
            'import os, sys; os.write(int(sys.orig_argv[-1]), b\'{"error": {"ki\'); os._exit(9)',
            "ended with status 9 and no word",
        ),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_programs_that_end_badly(lab: Lab, program: str, message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        lab.preview(program)


def test_a_failed_function_is_told_as_it_is(lab: Lab) -> None:
    """Not as the program's traceback; and a program may catch it."""
    call = 'pulumi.runtime.invoke("fake:index:getImage", {"name": "missing"})'
    with pytest.raises(ProviderError, match="there is no image called missing") as caught:
        lab.preview(call)
    assert caught.value.mend == "hoaban image build"
    result = lab.preview(f"""
    try:
        {call}
    except Exception as error:
        export("caught", str(error))
    """)
    assert "there is no image called missing" in result.outputs["caught"]


def test_a_defect_of_a_provider_keeps_its_traceback(lab: Lab) -> None:
    lab.cloud.fail["after create a"] = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError, match="a bug"):
        lab.up('Thing("a")')
    pending = lab.checkpoint["checkpoint"]["latest"]["pending_operations"]
    assert [(one["type"], one["resource"]["urn"]) for one in pending] == [("creating", URN + "a")]
    lab.cloud.fail.clear()
    lab.cloud.calls.clear()
    lab.up()
    assert lab.cloud.names("create") == [], "it was made, so it is found and not made again"
    assert lab.cloud.names("find") == ["a"]
    assert "pending_operations" not in lab.checkpoint["checkpoint"]["latest"]


def test_two_resources_of_one_name(lab: Lab) -> None:
    with pytest.raises(HoabanError, match="two resources of type fake:index:Thing are called 'a'"):
        lab.preview('Thing("a")\nThing("a", x=1)')


def test_unknown_packages(lab: Lab) -> None:
    def refuse(package: str, version: str) -> object:
        raise HoabanError(f"there is no provider of {package} here")

    lab.engine = EmbeddedEngine(refuse)  # type: ignore[arg-type]
    with pytest.raises(HoabanError, match="no provider of fake here"):
        lab.preview('Thing("a")')


def test_a_locked_stack(lab: Lab) -> None:
    lab.up('Thing("a")')
    with Lock(Backend(lab.folder / "backend"), StackName("shop", "dev")):
        for verb in ("up", "refresh", "destroy"):
            with pytest.raises(LockedError, match="is locked"):
                lab.run(verb)
        assert lab.preview().changes == {"same": 3}, "looking needs no lock"
    assert lab.engine.cancel(lab.stack) == []


def test_the_wrong_passphrase(lab: Lab) -> None:
    lab.up('export("x", Output.secret(1))')
    lab.passphrase_file.write_text("sai")
    before = lab.checkpoint_file.read_bytes()
    for verb in ("preview", "up", "refresh", "destroy"):
        with pytest.raises(HoabanError, match="is wrong for this stack"):
            lab.run(verb)
    with pytest.raises(HoabanError, match="is wrong for this stack"):
        lab.engine.outputs(lab.stack)
    assert lab.checkpoint_file.read_bytes() == before


def test_configuration_of_another_stack(lab: Lab) -> None:
    lab.up('Thing("a")')
    text = lab.stack.config_file.read_text()
    lab.stack.config_file.unlink()
    lab.up()
    assert lab.stack.config_file.read_text() == text, "the salt is taken from the state again"
    other = lab.folder / "other"
    other.mkdir()
    from tests.engine.conftest import Lab as AnotherLab  # noqa: PLC0415

    stranger = AnotherLab(other, FakeCloud())
    stranger.up("")
    lab.stack.config_file.write_text(stranger.stack.config_file.read_text())
    with pytest.raises(HoabanError, match="salt of the stack's configuration is not that of its"):
        lab.preview()


def test_an_unreadable_state(lab: Lab) -> None:
    lab.up('Thing("a")')
    lab.up('Thing("a")')
    lab.checkpoint_file.write_bytes(lab.checkpoint_file.read_bytes()[:300])
    for verb in ("preview", "up", "destroy"):
        with pytest.raises(HoabanError, match="the state cannot be used") as caught:
            lab.run(verb)
        assert f"cp {lab.checkpoint_file}.bak {lab.checkpoint_file}" in str(caught.value)
    lab.checkpoint_file.write_bytes(lab.checkpoint_file.with_name("dev.json.bak").read_bytes())
    assert lab.up().changes == {"same": 3}


def test_a_full_disk_stops_the_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made that could not be written down; what was made before is found again."""
    lab.up('Thing("a")')
    before = lab.checkpoint_file.read_bytes()
    append = Journal.append

    def full(journal: Journal, line: str) -> int:
        if '"pending"' in line and "::c" in line:
            raise StateWriteError("cannot write the state: No space left on device")
        return append(journal, line)

    def no_commit(*_: object) -> str:
        raise StateWriteError("cannot write the state: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", full)
        patched.setattr(Store, "commit", no_commit)
        with pytest.raises(HoabanError) as caught:
            lab.up(CHAIN)
    assert "No space left on device" in str(caught.value)
    assert lab.cloud.names("create") == ["a", "b"], "c was not begun"
    assert lab.checkpoint_file.read_bytes() == before
    lab.cloud.calls.clear()
    lab.up()
    assert lab.cloud.names("create") == ["c", "d"], "b is in the journal, and so not made twice"
    assert any("recovered" in one for one in lab.messages("info"))


def results(lab: Lab) -> list[str]:
    """What the history says of each operation, in order."""
    folder = lab.folder / "backend/.pulumi/history/shop/dev"
    files = sorted(folder.glob("*.history.json"))
    return [json.loads(one.read_text(encoding="utf-8"))["result"] for one in files]


@pytest.mark.parametrize("verb", ["up", "destroy"])
def test_a_defect_costs_nothing_of_what_was_made(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """The state is taken anew in the midst (a refresh, or an interrupted call that was settled)."""
    lost = ProviderError("the connection broke")
    lost.undecided = True
    lab.cloud.fail["after create a"] = lost
    with pytest.raises(ProviderError):
        lab.up('Thing("a")')
    lab.cloud.fail.clear()
    run = Program.run

    def broken(program: Program, *words: Any, **more: Any) -> HoabanError | None:
        run(program, *words, **more)
        raise ZeroDivisionError("a bug")

    def broken_delete() -> None:
        raise ZeroDivisionError("a bug")

    if verb == "up":
        with monkeypatch.context() as patched:
            patched.setattr(Program, "run", broken)
            with pytest.raises(ZeroDivisionError):
                lab.up(CHAIN, refresh=True)
        assert set(lab.resources()) == {"shop-dev", "default", "a", "b", "c", "d"}
    else:
        lab.up(CHAIN)
        lab.cloud.fail["delete b"] = broken_delete
        with pytest.raises(ZeroDivisionError):
            lab.run("destroy")
        assert set(lab.resources()) == {"shop-dev", "default", "a", "b"}
    assert results(lab)[-1] == "failed"
    lab.cloud.fail.clear()
    lab.up()
    assert len(lab.cloud.things) == 4, "nothing was made twice, nothing was lost"


def test_a_lock_is_not_left_where_the_disk_fills_while_it_is_taken(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is there, its attributes are not."""
    lab.up('Thing("a")')
    write = folder.write_attributes

    def full(file: Path, content: bytes, **more: Any) -> None:
        if "locks" in file.parts:
            raise StateWriteError("cannot write the state: No space left on device")
        write(file, content, **more)

    with monkeypatch.context() as patched:
        patched.setattr(folder, "write_attributes", full)
        with pytest.raises(StateWriteError):
            lab.up()
    assert not lock.holders(Backend(lab.folder / "backend"), StackName("shop", "dev"))
    assert not lock._held
    assert lab.up().changes == {"same": 3}


def press(lab: Lab) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    assert lab.cloud.cancelled.wait(10)


def test_interrupted_and_not_saved(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_commit(*_: object) -> str:
        raise StateWriteError("cannot write the state: No space left on device")

    lab.cloud.fail["create b"] = lambda: press(lab)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "commit", no_commit)
        with pytest.raises(Interrupted, match="the state is NOT saved") as caught:
            lab.up(CHAIN)
    assert "No space left on device" in (caught.value.detail or "")
    lab.cloud.fail.clear()
    lab.cloud.calls.clear()
    lab.up()
    assert lab.cloud.names("create") == ["c", "d"]


def test_interrupted_and_a_defect(lab: Lab) -> None:
    """What nobody foresaw is told with its traceback, whoever pressed which keys meanwhile."""

    def both() -> None:
        press(lab)
        raise ZeroDivisionError("a bug")

    lab.cloud.fail["create b"] = both
    with pytest.raises(ZeroDivisionError):
        lab.up(CHAIN)


def test_interrupted(lab: Lab) -> None:
    """Ctrl-C: what is under way ends, the state is saved, the message says so."""

    def press_keys() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert lab.cloud.cancelled.wait(10)

    lab.cloud.fail["create b"] = press_keys
    with pytest.raises(Interrupted, match="interrupted after 4 steps") as caught:
        lab.up("""
        a = Thing("a")
        b = Thing("b", a=a.id)
        c = Thing("c", b=b.id)
        """)
    assert caught.value.exit_code == ExitCode.INTERRUPTED
    assert "run the same command again" in str(caught.value)
    assert lab.cloud.cancelled.is_set()
    assert set(lab.resources()) == {"shop-dev", "default", "a", "b"}
    assert not lock.holders(Backend(lab.folder / "backend"), StackName("shop", "dev"))
    lab.cloud.fail.clear()
    assert lab.up().changes == {"same": 4, "create": 1}


def test_interrupted_while_the_program_computes(lab: Lab) -> None:
    timer = threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    began = time.monotonic()
    import hoaban.engine.embedded.running as running  # noqa: PLC0415, PLR0402

    grace, running._GRACE_SECONDS = running._GRACE_SECONDS, 0.2  # type: ignore[misc]
    try:
        with pytest.raises(Interrupted):
            lab.up('import time\na = Thing("a")\ntime.sleep(600)')
    finally:
        running._GRACE_SECONDS = grace  # type: ignore[misc]
    assert time.monotonic() - began < 300


def test_a_handler_that_fails_ends_the_run(lab: Lab) -> None:
    lab.program('a = Thing("a")')

    def broken(_: object) -> None:
        raise RuntimeError("the display broke")

    with pytest.raises(RuntimeError, match="the display broke"):
        lab.engine.up(lab.stack, Options(), broken)
    assert lab.checkpoint_file.exists()


def test_no_program_outlives_its_engine(tmp_path: Path) -> None:
    """Killed with -9, the engine leaves no process behind."""
    script = textwrap.dedent("""
        import sys, threading, time
        from pathlib import Path
        from tests.engine.conftest import Lab
        from tests.engine.fake_provider import FakeCloud
        lab = Lab(Path(sys.argv[1]), FakeCloud())
        lab.program("import os, time; print('pid', os.getpid(), flush=True); time.sleep(60)")
        lab.engine.preview(lab.stack, __import__("hoaban.engine.api").engine.api.Options(),
            lambda e: e.diagnostic_event and print(e.diagnostic_event.message, flush=True))
    """)
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, cwd=root, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    child = int(line.split()[1])
    process.kill()
    process.wait()
    for _ in range(100):
        if not Path(f"/proc/{child}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()
    process.stdout.close()
