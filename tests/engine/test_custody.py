"""A state in a person's hands: taken out, renamed, exported, imported, mended, restored."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from hoaban.engine.api import Stack
from hoaban.engine.embedded import care, changeset, edits, restore, stackfiles
from hoaban.engine.embedded.backend import Backend, StackName
from hoaban.engine.embedded.copies import as_of, copies, entries, of_version
from hoaban.engine.embedded.custody import held
from hoaban.engine.embedded.exports import exported
from hoaban.engine.embedded.lock import Lock, LockedError, holders
from hoaban.engine.embedded.properties import SECRET_SIGNATURE, SIGNATURE
from hoaban.engine.embedded.repair import repaired
from hoaban.engine.embedded.state import PendingOperation, Resource
from hoaban.engine.embedded.store import open_stack
from hoaban.engine.embedded.verify import problems
from hoaban.engine.values import Secret
from hoaban.errors import HoabanError, ManyErrors

if TYPE_CHECKING:
    from pathlib import Path

    from hoaban.engine.embedded.state import Snapshot

WORD = "thử"
NAME = StackName("shop", "dev")
PROVIDER = "urn:pulumi:dev::shop::pulumi:providers:fake::default"


def made(name: str, **how: Any) -> Resource:
    type_ = how.pop("type", "fake:index:Thing")
    types = how.pop("types", type_)
    urn = f"urn:pulumi:dev::shop::{types}::{name}"
    how.setdefault("custom", True)
    if how["custom"]:
        how.setdefault("id", f"{name}-1")
        how.setdefault("provider", f"{PROVIDER}::p-1")
    return Resource(urn=urn, type=type_, **how)


ROOT = made(
    "shop-dev",
    type="pulumi:pulumi:Stack",
    custom=False,
    outputs={"address": "10.0.0.3", "hidden": Secret("rất kín")},
)
NET = made("net", parent=ROOT.urn, inputs={"cidr": "10.0.0.0/24", "password": Secret("rất kín")})
GROUP = made("group", parent=ROOT.urn, type="fake:index:Group", custom=False)
WEB = made(
    "web",
    types="fake:index:Group$fake:index:Thing",
    parent=GROUP.urn,
    dependencies=(NET.urn,),
    property_dependencies={"use_net": [NET.urn]},
)
DISK = made("disk", parent=WEB.urn, protect=True, inputs={"size": 3})
RESOURCES = (
    ROOT,
    made("default", type="pulumi:providers:fake", id="p-1", provider=""),
    NET,
    GROUP,
    WEB,
    DISK,
)


@dataclass
class Desk:
    """A stack with a state that no program made."""

    folder: Path
    stack: Stack
    backend: Backend

    @classmethod
    def at(cls, folder: Path, name: str = "dev", passphrase: str = WORD) -> Desk:
        program = folder / "shop"
        program.mkdir(parents=True, exist_ok=True)
        (program / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (program / "__main__.py").write_text("")
        file = folder / "passphrase"
        file.write_text(passphrase)
        file.chmod(0o600)
        state = folder / "backend"
        stack = Stack(
            program=program,
            name=name,
            backend=state,
            config_file=folder / f"Pulumi.{name}.yaml",
            passphrase_file=file,
        )
        return cls(folder, stack, Backend(state))

    def build(self) -> Desk:
        stackfiles.init(self.stack)
        self.write(*RESOURCES)
        return self

    def write(self, *resources: Resource, message: str = "update") -> None:
        fresh = [replace(one) for one in resources]  # without the text of another stack
        with held(self.stack) as one:
            one.commit(replace(one.snapshot, resources=fresh), message, kind="update")

    @property
    def snapshot(self) -> Snapshot:
        return open_stack(self.stack, create=False).store.load().snapshot

    @property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(self.snapshot.resources)

    @property
    def checkpoint_file(self) -> Path:
        return self.folder / f"backend/.pulumi/stacks/shop/{self.stack.name}.json"

    def export(self, *, shown: bool = False) -> bytes:
        store = open_stack(self.stack, create=False).store
        text = self.checkpoint_file.read_bytes()
        return json.dumps(exported(text, store.crypter if shown else None)).encode()


def overwrite(file: Path, content: bytes) -> None:
    """Change one file; copies of the same content are links to it."""
    file.unlink()
    file.write_bytes(content)


@pytest.fixture
def built(memory_path: Path) -> Desk:
    return Desk.at(memory_path).build()


# --- taking out ----------------------------------------------------------------------------------


def test_delete_refuses_what_others_depend_on(built: Desk) -> None:
    with held(built.stack) as one:
        root = edits.chosen(one.snapshot, NET.urn)
        with pytest.raises(HoabanError, match="2 resources depend on it") as caught:
            edits.without(one.snapshot, [root])
    assert "--target-dependents" in str(caught.value)
    assert WEB.urn in str(caught.value.detail)


def test_delete_with_dependents_and_protection(built: Desk) -> None:
    with held(built.stack) as one:
        root = edits.chosen(one.snapshot, NET.urn)
        with pytest.raises(HoabanError, match="protected") as caught:
            edits.without(one.snapshot, [root], with_dependents=True)
        assert "state unprotect" in str(caught.value)
        snapshot, gone = edits.without(one.snapshot, [root], with_dependents=True, unprotect=True)
        one.commit(snapshot, "state delete")
    assert [resource.urn.rpartition("::")[2] for resource in gone] == ["net", "web", "disk"]
    assert built.resources == (*RESOURCES[:2], GROUP)
    assert holders(built.backend, NAME) == []


def test_a_change_is_told_in_history_and_can_be_undone(built: Desk) -> None:
    with held(built.stack) as one:
        root = edits.chosen(one.snapshot, DISK.urn)
        snapshot, _ = edits.without(one.snapshot, [root], unprotect=True)
        one.commit(snapshot, "state delete disk")
    newest, first = entries(built.backend, NAME)
    assert (newest["version"], newest["kind"], newest["message"]) == (
        2,
        "import",
        "state delete disk",
    )
    assert (first["version"], first["kind"]) == (1, "update")
    assert built.resources != RESOURCES
    restore.restore(built.stack, of_version(built.backend, NAME, 1))
    assert built.resources == RESOURCES


def test_the_one_that_waits_to_be_deleted_is_told_by_its_id(built: Desk) -> None:
    snapshot = built.snapshot
    web = edits.chosen(snapshot, WEB.urn)
    snapshot.resources.append(replace(web, id="old", delete=True))
    with pytest.raises(HoabanError, match=r"several fit: .*old \(to be deleted\)") as caught:
        edits.chosen(snapshot, web.urn)
    assert "--id" in str(caught.value)
    waiting = edits.chosen(snapshot, web.urn, "old")
    _, gone = edits.without(snapshot, [waiting])
    assert gone == [waiting], "nothing depends on it: the live one is there"
    with pytest.raises(HoabanError, match="several objects"):
        edits.chosen(snapshot, web.urn, "none")
    with pytest.raises(HoabanError, match="no such resource"):
        edits.chosen(snapshot, web.urn + "x")


def test_a_provider_is_depended_on_by_all_it_serves(built: Desk) -> None:
    snapshot = built.snapshot
    provider = next(one for one in snapshot.resources if one.type == "pulumi:providers:fake")
    names = {one.urn.rpartition("::")[2] for one in edits.dependents(snapshot, [provider])}
    assert names == {"net", "web", "disk"}


def test_unprotect(built: Desk) -> None:
    with held(built.stack) as one:
        snapshot, lifted = edits.unprotected(one.snapshot, None)
        one.commit(snapshot, "state unprotect")
    assert [resource.urn for resource in lifted] == [DISK.urn]
    assert built.resources[-1] == replace(DISK, protect=False)
    with pytest.raises(HoabanError, match="no such resource"):
        edits.unprotected(snapshot, ["urn:pulumi:dev::shop::fake:index:Thing::none"])


# --- renaming ------------------------------------------------------------------------------------


def test_rename_a_resource(built: Desk) -> None:
    with held(built.stack) as one:
        snapshot, new = edits.renamed(one.snapshot, WEB.urn, "www")
        one.commit(snapshot, "state rename")
    assert new.endswith("fake:index:Group$fake:index:Thing::www")
    assert built.resources[-2:] == (replace(WEB, urn=new), replace(DISK, parent=new))


def test_rename_refuses_a_name_that_is_taken(built: Desk) -> None:
    snapshot = built.snapshot
    snapshot.resources.append(replace(edits.chosen(snapshot, WEB.urn), urn=WEB.urn + "2"))
    with pytest.raises(HoabanError, match="already"):
        edits.renamed(snapshot, WEB.urn, "web2")
    with pytest.raises(HoabanError, match="not a name"):
        edits.renamed(snapshot, WEB.urn, "a b")
    root = next(one for one in snapshot.resources if one.type == "pulumi:pulumi:Stack")
    with pytest.raises(HoabanError, match="rename the stack"):
        edits.renamed(snapshot, root.urn, "x")


def test_rename_a_stack(built: Desk) -> None:
    new = Desk.at(built.folder, "prod")
    assert stackfiles.rename(built.stack, new.stack) == 6
    assert not built.checkpoint_file.exists()
    assert not built.stack.config_file.exists()
    assert built.backend.stacks() == [StackName("shop", "prod")]
    assert all("dev" not in one.urn and "dev" not in str(one.references()) for one in new.resources)
    assert new.resources[0].urn.endswith("pulumi:pulumi:Stack::shop-prod")
    assert new.resources[0].outputs == ROOT.outputs
    kinds = [entry["kind"] for entry in entries(new.backend, StackName("shop", "prod"))]
    assert kinds == ["rename", "update"]
    assert care.verify(new.stack) == []


def test_a_state_of_before_the_rename_is_restored_under_the_new_name(built: Desk) -> None:
    new = Desk.at(built.folder, "prod")
    stackfiles.rename(built.stack, new.stack)
    before = new.resources
    restore.restore(new.stack, of_version(new.backend, StackName("shop", "prod"), 1))
    assert new.resources == before


def test_rename_refuses_a_stack_that_is_there(built: Desk) -> None:
    new = Desk.at(built.folder, "prod")
    stackfiles.init(new.stack)
    with pytest.raises(HoabanError, match="there is a stack shop/prod"):
        stackfiles.rename(built.stack, new.stack)
    assert built.resources == RESOURCES


def test_rename_waits_until_it_is_known_what_an_interrupted_run_made(built: Desk) -> None:
    snapshot = built.snapshot
    pending = PendingOperation(edits.chosen(snapshot, WEB.urn), "creating")
    with pytest.raises(HoabanError, match="nobody knows yet") as caught:
        edits.moved(replace(snapshot, pending=[pending]), "shop", "dev", "prod")
    assert "hoaban refresh" in str(caught.value)


# --- making and forgetting -----------------------------------------------------------------------


def test_init(memory_path: Path) -> None:
    desk = Desk.at(memory_path)
    stackfiles.init(desk.stack)
    assert desk.resources == ()
    with pytest.raises(HoabanError, match="there already"):
        stackfiles.init(desk.stack)
    assert care.verify(desk.stack) == []


def test_rm_refuses_what_has_resources_and_comes_back(built: Desk) -> None:
    with pytest.raises(HoabanError, match="still has 3 resources") as caught:
        stackfiles.remove(built.stack)
    assert "hoaban destroy" in str(caught.value)
    assert len(stackfiles.remove(built.stack, force=True)) == 3
    assert not built.checkpoint_file.exists()
    assert not built.stack.config_file.exists()
    aside = built.stack.config_file.with_name(built.stack.config_file.name + ".bak")
    aside.rename(built.stack.config_file)
    restore.restore(built.stack, copies(built.backend, NAME)[-1])
    assert built.resources == RESOURCES


def test_verbs_about_a_stack_that_is_not_there(memory_path: Path) -> None:
    desk = Desk.at(memory_path)
    for work in (stackfiles.remove, care.verify, care.mend):
        with pytest.raises(HoabanError, match="there is no stack shop/dev"):
            work(desk.stack)
    assert not desk.stack.config_file.exists(), "a question makes no stack"


# --- export and import ---------------------------------------------------------------------------


def test_export_hides_secrets_unless_told(built: Desk) -> None:
    hidden, shown = built.export().decode(), built.export(shown=True).decode()
    assert "rất kín" not in json.dumps(json.loads(hidden), ensure_ascii=False)
    body = json.loads(shown)
    root = body["deployment"]["resources"][0]
    assert body["version"] == 3
    assert root["outputs"]["hidden"] == {SIGNATURE: SECRET_SIGNATURE, "plaintext": '"rất kín"'}


@pytest.mark.parametrize("shown", [False, True])
def test_what_was_exported_is_imported(built: Desk, shown: bool) -> None:
    text = built.export(shown=shown)
    built.write(*RESOURCES[:3])
    care.import_deployment(built.stack, text)
    assert built.resources == RESOURCES
    assert "plaintext" not in built.checkpoint_file.read_text()


def test_import_of_another_stack_or_of_nonsense(built: Desk) -> None:
    text = built.export()
    before = built.checkpoint_file.read_bytes()
    for wrong, message in (
        (text.replace(b"urn:pulumi:dev", b"urn:pulumi:prod"), "resources are of another stack"),
        (b"{", "not a deployment"),
        (b'{"version":9,"deployment":{}}', "version 9 is not known"),
        (text.replace(b'"custom": true, "id"', b'"custom": true, "no"', 1), "is not valid"),
    ):
        with pytest.raises(HoabanError, match=message):
            care.import_deployment(built.stack, wrong)
        assert built.checkpoint_file.read_bytes() == before


def test_import_under_another_passphrase(built: Desk, memory_path: Path) -> None:
    other = Desk.at(memory_path / "other", passphrase="khác").build()
    built.write(*RESOURCES[:3])
    with pytest.raises(HoabanError, match=r"passphrase in .* is wrong"):
        care.import_deployment(built.stack, other.export())
    care.import_deployment(built.stack, other.export(shown=True))
    assert built.resources == RESOURCES
    assert care.verify(built.stack) == []


def test_import_into_a_stack_that_is_not_there(built: Desk, memory_path: Path) -> None:
    other = Desk.at(memory_path / "other")
    care.import_deployment(other.stack, built.export())
    assert other.resources == RESOURCES, "another salt, the same passphrase"


def test_a_verb_waits_for_nobody(built: Desk) -> None:
    with (
        Lock(built.backend, NAME),
        pytest.raises(LockedError),
        held(built.stack),
    ):
        pytest.fail("two held the lock")


# --- what is wrong, and mending it ---------------------------------------------------------------


def break_(desk: Desk, change: Any) -> None:
    """Write a state that is not valid, as a hand with an editor would."""
    body = json.loads(desk.checkpoint_file.read_text())
    change(body["checkpoint"]["latest"]["resources"])
    overwrite(desk.checkpoint_file, json.dumps(body).encode())


def test_a_state_that_is_well(built: Desk) -> None:
    assert care.verify(built.stack) == []
    before = built.checkpoint_file.read_bytes()
    assert care.mend(built.stack).done == []
    assert built.checkpoint_file.read_bytes() == before


def test_verify_says_all_and_repair_mends_what_it_can(built: Desk) -> None:
    def change(resources: list[dict[str, Any]]) -> None:
        net = next(one for one in resources if one["urn"].endswith("::net"))
        resources.append(resources.pop(resources.index(net)))  # stands behind who needs it
        resources.append(dict(net))  # and twice
        disk = next(one for one in resources if one["urn"].endswith("::disk"))
        disk["dependencies"] = [net["urn"] + "-gone"]
        disk["provider"] = disk["provider"].rpartition("::")[0] + "::another-id"

    break_(built, change)
    told = "\n".join(care.verify(built.stack))
    for part in ("does not stand before it", "is there twice", "names the provider"):
        assert part in told
    with pytest.raises(HoabanError, match="state cannot be used"):
        _ = built.snapshot
    before = built.checkpoint_file.read_bytes()
    planned = care.mend(built.stack, dry_run=True)
    assert built.checkpoint_file.read_bytes() == before
    done = care.mend(built.stack)
    assert done.done == planned.done
    text = "\n".join(done.done)
    for part in ("reordered", "twice", "reference dropped", "by an id it no longer has"):
        assert part in text
    assert done.left == []
    assert care.verify(built.stack) == []
    assert {one.urn: one for one in built.resources} == {one.urn: one for one in RESOURCES}


def test_repair_guesses_nothing(built: Desk) -> None:
    def change(resources: list[dict[str, Any]]) -> None:
        resources[:] = [one for one in resources if "providers" not in one["type"]]
        resources.reverse()

    break_(built, change)
    before = built.checkpoint_file.read_bytes()
    with pytest.raises(HoabanError, match="3 problems would be left") as caught:
        care.mend(built.stack)
    assert "names the provider" in str(caught.value.detail)
    assert built.checkpoint_file.read_bytes() == before


def test_repair_of_whatever_order(built: Desk) -> None:
    """Any order of a valid state is put right without losing anything."""
    resources = built.snapshot.resources
    for turn in range(len(resources)):
        mixed = [*resources[turn:], *resources[:turn]][::-1]
        found = repaired(mixed)
        assert problems(found.resources) == []
        assert key(found.resources) == key(resources)


def key(resources: list[Resource]) -> list[str]:
    return sorted(one.urn for one in resources)


def test_a_circle_is_left_to_people(built: Desk) -> None:
    resources = list(built.snapshot.resources)
    net = next(n for n, one in enumerate(resources) if one.urn.endswith("::net"))
    resources[net] = replace(resources[net], dependencies=(WEB.urn,))
    assert any("does not stand before" in line for line in repaired(resources).left)


# --- restoring -----------------------------------------------------------------------------------


def test_restore_as_of_a_time(built: Desk) -> None:
    moment = datetime.now(UTC)
    built.write(*RESOURCES, made("late", parent=ROOT.urn))
    copy = as_of(built.backend, NAME, moment)
    told = restore.restorable(built.stack, copy)
    assert told.lost == [made("late").urn]
    assert told.back == []
    restore.restore(built.stack, copy)
    assert built.resources == RESOURCES
    with pytest.raises(HoabanError, match="no copy of the state is as old"):
        as_of(built.backend, NAME, datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(HoabanError, match=r"no version 9 \(it has 1 to 3\)"):
        of_version(built.backend, NAME, 9)


def test_restore_over_a_damaged_state(built: Desk) -> None:
    built.write(*RESOURCES)
    damaged = built.checkpoint_file.read_bytes()[:100]
    overwrite(built.checkpoint_file, damaged)
    good = built.checkpoint_file.with_name("dev.json.bak").read_bytes()
    assert "not a checkpoint" in care.verify(built.stack)[0]
    restore.restore(built.stack, of_version(built.backend, NAME, 2))
    assert built.resources == RESOURCES
    folder = built.folder / "backend/.pulumi/backups/shop/dev"
    assert [one.read_bytes() for one in folder.glob("*.damaged")] == [damaged]
    assert built.checkpoint_file.with_name("dev.json.bak").read_bytes() == good


def test_a_damaged_copy_is_not_restored(built: Desk) -> None:
    copy = of_version(built.backend, NAME, 1)
    overwrite(built.folder / "backend/.pulumi" / copy.key, b"{")
    with pytest.raises(HoabanError, match="copy cannot be used"):
        restore.restore(built.stack, copy)
    assert any("cannot be restored" in line for line in care.verify(built.stack))
    assert built.resources == RESOURCES


def test_many_errors_at_once(built: Desk) -> None:
    snapshot = built.snapshot
    guarded = [replace(one, protect=True) for one in snapshot.resources]
    with pytest.raises(ManyErrors) as caught:
        edits.without(replace(snapshot, resources=guarded), guarded[:1], with_dependents=True)
    assert len(caught.value.errors) == 5


def test_an_interrupted_change_that_had_not_happened_is_forgotten(built: Desk) -> None:
    backend = built.backend
    unfinished = changeset.Changeset(backend, [NAME])
    unfinished.put(b"never", backend.checkpoint_key(NAME))
    built.write(*RESOURCES)
    assert built.resources == RESOURCES
    assert backend.storage.list(changeset.PREFIX) == []
