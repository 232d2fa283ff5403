"""Random worlds: a valid state with all that a state may hold, and the cloud that it tells of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from hoaban.engine.embedded.keys import resource_key
from hoaban.engine.embedded.state import PendingOperation, Resource
from hoaban.engine.embedded.urns import make_urn
from hoaban.engine.embedded.verify import problems
from tests.engine.direct import NAME, TOKEN, Declared, Direct, urn

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.fake_provider import FakeCloud

NAMES = "abcde"
PROVIDER = Resource(
    urn=make_urn("dev", "shop", "", "pulumi:providers:fake", "default"),
    custom=True,
    type="pulumi:providers:fake",
    id="5b2b2e7e-0000-4000-8000-000000000000",
    inputs={"__internal": {}},
)
REFERENCE = f"{PROVIDER.urn}::{PROVIDER.id}"


@dataclass
class Old:
    """A resource of the state that a world begins with.

    ``waiting`` is how many objects that it replaced wait to be deleted; ``gone`` that its object
    was deleted and waits to be made again; ``pending`` a call that was under way.
    """

    name: str
    inputs: dict[str, Any]
    uses: tuple[str, ...] = ()
    protect: bool = False
    retain: bool = False
    taint: bool = False
    external: bool = False
    broken: bool = False
    gone: bool = False
    waiting: int = 0
    deleted_with: str = ""
    follows: tuple[str, ...] = ()
    trigger: int | None = None
    pending: str = ""


@dataclass
class World:
    """Old resources, a program, one operation on them, and what fails in it."""

    olds: list[Old]
    unfinished: list[str]  # names of what an interrupted run was making
    left: list[str]  # those of them that it had made
    program: list[Declared]
    verb: str
    targets: list[str] = field(default_factory=list)
    replace: list[str] = field(default_factory=list)
    continue_on_error: bool = False
    excludes: list[str] = field(default_factory=list)
    dependents: bool = False


def _some(draw: st.DrawFn, names: list[str], most: int = 2) -> tuple[str, ...]:
    if not names:
        return ()
    return tuple(draw(st.lists(st.sampled_from(names), max_size=most, unique=True)))


def _rarely(draw: st.DrawFn) -> bool:
    return draw(st.integers(0, 5)) == 5


@st.composite
def olds(draw: st.DrawFn) -> list[Old]:
    names = draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]
    found: list[Old] = []
    for name in names:
        before = [one.name for one in found if not one.gone and not one.external]
        external = _rarely(draw)
        gone = not external and _rarely(draw)
        inputs = {"x": draw(st.integers(0, 1)), "replace_y": draw(st.integers(0, 1))}
        found.append(
            Old(
                name,
                inputs,
                () if external else _some(draw, before),
                protect=_rarely(draw) and not (gone or external),
                retain=_rarely(draw),
                taint=_rarely(draw) and not (gone or external),
                external=external,
                broken=_rarely(draw) and not (gone or external),
                gone=gone,
                waiting=0 if external else draw(st.sampled_from([0, 0, 0, 1, 2])),
                deleted_with=(_some(draw, before, 1) or ("",))[0],
                follows=_some(draw, before, 1),
                trigger=draw(st.sampled_from([None, None, 0, 1])),
                pending=draw(st.sampled_from(["", "", "", "updating", "deleting"]))
                if not (gone or external)
                else "",
            )
        )
    return found


@st.composite
def declared(draw: st.DrawFn, spare: list[str], *, options: bool = True) -> list[Declared]:
    """A program; ``spare`` are ids of objects that it may import."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]
    unused = [name for name in NAMES if name not in names]
    found: list[Declared] = []
    for name in names:
        before = [one.name for one in found]
        was = unused.pop() if options and unused and _rarely(draw) else ""
        found.append(
            Declared(
                name,
                {"x": draw(st.integers(0, 1)), "replace_y": draw(st.integers(0, 1))},
                _some(draw, before),
                delete_before_replace=draw(st.sampled_from([None, None, True, False])),
                protect=options and _rarely(draw),
                retain=options and _rarely(draw),
                trigger=draw(st.sampled_from([None, None, 0, 1])),
                follows=_some(draw, before, 1),
                deleted_with=(_some(draw, before, 1) or ("",))[0] if options else "",
                was=was,
                import_id=spare.pop() if options and spare and _rarely(draw) else "",
                ignored=("x",) if options and _rarely(draw) else (),
            )
        )
    return found


SPARE = ["spare-1", "spare-2"]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    old = draw(olds())
    absent = [name for name in NAMES if name not in {one.name for one in old}]
    unfinished = list(_some(draw, absent))
    verb = draw(st.sampled_from(["up", "up", "up", "preview", "refresh", "destroy"]))
    patterns = [urn(name) for name in NAMES] + ["**"]
    chosen = list(_some(draw, patterns)) if _rarely(draw) else []
    excluding = draw(st.booleans())
    return World(
        old,
        unfinished,
        [name for name in unfinished if draw(st.booleans())],
        draw(declared(list(SPARE))),
        verb,
        targets=[] if excluding else chosen,
        excludes=chosen if excluding else [],
        dependents=draw(st.booleans()),
        replace=list(_some(draw, patterns[:-1], 1)) if verb == "up" and _rarely(draw) else [],
        continue_on_error=draw(st.booleans()),
    )


def _resource(one: Old, id_: str, ids: dict[str, str]) -> Resource:
    uses = {f"use_{name}": ids[name] for name in one.uses}
    inputs = {"__name": one.name, **one.inputs, **uses}
    return Resource(
        urn=urn(one.name),
        custom=True,
        type=TOKEN,
        id="" if one.gone else id_,
        inputs=inputs,
        outputs={**inputs, "address": "10.0.0.1"},
        provider=REFERENCE,
        external=one.external,
        protect=one.protect,
        retain_on_delete=one.retain,
        taint=one.taint,
        init_errors=("half done",) if one.broken else (),
        pending_replacement=one.gone,
        dependencies=tuple(sorted(map(urn, one.uses))),
        property_dependencies={key: [urn(key.removeprefix("use_"))] for key in uses},
        deleted_with=urn(one.deleted_with) if one.deleted_with else "",
        replace_with=tuple(map(urn, one.follows)),
        replacement_trigger=one.trigger,
    )


def build(world: World, folder: Path, cloud: FakeCloud) -> tuple[Direct, set[str]]:
    """The world's state and cloud. Also returned: objects that no operation has to account for."""
    direct = Direct(folder, cloud)
    resources = [PROVIDER]
    replaced: list[Resource] = []
    pending: list[PendingOperation] = []
    ids: dict[str, str] = {}
    foreign: set[str] = set()

    def make(name: str, inputs: dict[str, Any], key: str = "") -> str:
        return cloud.add(TOKEN, key, {"__name": name, **inputs}).id

    for one in world.olds:
        uses = {f"use_{name}": ids[name] for name in one.uses}
        waiting = [make(one.name, {**one.inputs, **uses}) for _ in range(one.waiting)]
        id_ = "" if one.gone else make(one.name, {**one.inputs, **uses})
        ids[one.name] = id_
        resource = _resource(one, id_, ids)
        resources.append(resource)
        if one.external or one.retain:
            foreign.add(id_)
        if one.pending:
            pending.append(PendingOperation(resource, one.pending))
        replaced += [
            Resource(
                urn=urn(one.name),
                custom=True,
                type=TOKEN,
                id=old_id,
                delete=True,
                inputs=resource.inputs,
                outputs=resource.outputs,
                provider=REFERENCE,
                dependencies=resource.dependencies,
            )
            for old_id in waiting
        ]
    for name in world.unfinished:
        wanted = _resource(Old(name, {"x": 0, "replace_y": 0}), "", {})
        pending.append(PendingOperation(wanted, "creating"))
        if name in world.left:
            make(name, {"x": 0, "replace_y": 0}, resource_key(str(NAME), urn(name)))
    for id_ in SPARE:
        made = cloud.add(TOKEN, "", {"__name": id_, "x": 0, "replace_y": 0})
        del cloud.things[made.id]
        made.id = id_
        cloud.things[id_] = made
        foreign.add(id_)
    resources += replaced
    assert problems(resources) == []
    store = direct.store()
    snapshot = direct.load()
    snapshot.resources, snapshot.pending = resources, pending
    store.commit(store.encode(snapshot))
    return direct, foreign
