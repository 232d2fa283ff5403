"""Planning: old state, goals and a provider's differences in, steps out.

Nothing here talks to a cloud, a program or a file. Registrations are planned one after another, in
the order in which the program makes them; semantics are those of Pulumi's own step generator
(pkg/resource/deploy/step_generator.go).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pulumi.automation.events import OpType

from hoaban.engine.embedded import paths
from hoaban.engine.embedded.candidate import Candidate, force_replacement
from hoaban.engine.embedded.choice import Choice
from hoaban.engine.embedded.circles import Circles
from hoaban.engine.embedded.dependents import Differ, dependent_replacements
from hoaban.engine.embedded.scope import Patterns, Scope, protected, unknown
from hoaban.engine.embedded.steps import Goal, Step
from hoaban.engine.embedded.urns import (
    inherited_alias,
    name_of,
    type_of,
)
from hoaban.engine.provider import DiffKind, DiffResult
from hoaban.errors import HoabanError, Location, ManyErrors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.values import PropertyMap


class Planner:
    """Plans one operation; used by one thread at a time."""

    def __init__(
        self, olds: Sequence[Resource], differ: Differ, scope: Scope | None = None
    ) -> None:
        scope = scope or Scope()
        self._olds = list(olds)
        self._places = {id(one): place for place, one in enumerate(self._olds)}
        self._live = {one.urn: one for one in olds if not one.delete}
        self._differ = differ
        self._choice = Choice(scope)
        self._circles = Circles(self._live)
        self._replace = Patterns(scope.replace)
        self._released = frozenset(scope.released)
        self._trial = scope.trial
        self._seen: set[str] = set()
        self._kept: set[str] = set()  # URNs of old resources that live on, under whatever URN
        self._replaced: set[int] = set()  # by identity
        self._deleted: dict[str, Resource] = {}  # deleted before their replacement is made
        self._renewed: set[str] = set()  # URNs of all that is made anew
        self._left: set[int] = set()  # by identity: what the operation may not touch
        self.aliased: dict[str, str] = {}  # old URN by new URN
        self.skipped: set[str] = set()  # creates left out because nobody chose them
        self.refusals: list[HoabanError] = []

    def match(self, goal: Goal) -> Candidate:
        """Find what a goal is about; refuses a URN that was registered before."""
        self._see(goal)
        goal = replace(goal, aliases=self._all_aliases(goal))
        old = self._old(goal)
        targeted = self._choice.takes(goal)
        if targeted and self._choice:
            references = goal.resource({}).references()
            self._refuse_skipped(goal, references)
            self._circles.take(goal.urn, old.urn if old is not None else "", references)
        inputs = goal.inputs
        if old is not None and not old.external:
            inputs = paths.restore(inputs, old.inputs, goal.ignore_changes)
        recreating = old is not None and (old.pending_replacement or old.urn in self._deleted)
        asked = goal.urn in self._replace
        if asked and not targeted and not self._choice.targets:
            self._choice.refuse_replaced(goal)
        forced = asked or (old is not None and old.taint)
        return Candidate(goal, old, inputs, targeted, recreating, forced)

    def _see(self, goal: Goal) -> None:
        if goal.urn in self._seen:
            raise HoabanError(
                f"two resources of type {goal.type} are called {goal.name!r}",
                where=Location(urn=goal.urn),
                mend="give one of them another name, or another parent",
            )
        self._seen.add(goal.urn)

    def _refuse_protected(self, resources: Sequence[Resource], done: str, why: str) -> None:
        guarded = [one for one in resources if one.protect and one.urn not in self._released]
        if not guarded:
            return
        refusal = protected(guarded, done, why)
        if not self._trial:
            raise refusal
        self.refusals += refusal.errors if isinstance(refusal, ManyErrors) else [refusal]

    def _all_aliases(self, goal: Goal) -> tuple[str, ...]:
        """A goal's aliases, and those that follow from its parent having had another URN."""
        found = list(goal.aliases)
        parent_alias = self.aliased.get(goal.parent)
        if parent_alias:
            parent_name = name_of(goal.parent)
            known_as = [(goal.type, goal.name), *((type_of(a), name_of(a)) for a in goal.aliases)]
            found += [
                inherited_alias(parent_alias, parent_name, type_, name) for type_, name in known_as
            ]
        return tuple(dict.fromkeys(alias for alias in found if alias != goal.urn))

    def _old(self, goal: Goal) -> Resource | None:
        for urn in (goal.urn, *goal.aliases):
            old = self._live.get(urn)
            if old is None:
                continue
            if urn in self._kept:
                raise HoabanError(
                    f"{urn} has been taken over by another resource already",
                    where=Location(urn=goal.urn),
                    mend="leave the alias to one of the two",
                )
            self._kept.add(urn)
            if urn != goal.urn:
                self.aliased[goal.urn] = urn
            return old
        return None

    def decide(
        self, candidate: Candidate, inputs: PropertyMap, diff: DiffResult | None
    ) -> list[Step]:
        """Steps for a goal with checked inputs; ``diff`` is None where nothing can be compared."""
        goal, old = candidate.goal, candidate.old
        if not candidate.targeted:
            return self._leave(goal, old)
        new = goal.resource(inputs)
        if goal.import_id and (old is None or goal.import_id not in (old.id, old.import_id)):
            return self._import_steps(goal, old, new)
        if old is None:
            return [Step(OpType.CREATE, goal.urn, None, new)]
        if candidate.recreating or old.external:
            self._deleted.pop(old.urn, None)
            self._renewed.add(goal.urn)
            return [
                Step(OpType.REPLACE, goal.urn, old, new),
                Step(OpType.CREATE_REPLACEMENT, goal.urn, old, new),
            ]
        return self._change(candidate, old, new, diff or DiffResult())

    def _change(
        self, candidate: Candidate, old: Resource, new: Resource, diff: DiffResult
    ) -> list[Step]:
        goal = candidate.goal
        if why := self._made_anew(candidate, old):
            diff = replace(diff, changes={**diff.changes, **why})
        diff = force_replacement(diff, goal.replace_on_changes)
        if diff.replaces:
            return self._replace_steps(goal, old, new, diff)
        if diff.changes or old.init_errors:
            return [Step(OpType.UPDATE, goal.urn, old, new, diff)]
        return [Step(OpType.SAME, goal.urn, old, new)]

    def _made_anew(self, candidate: Candidate, old: Resource) -> dict[str, DiffKind]:
        """What makes a resource anew that is no property of it: asked for, or told by options."""
        goal = candidate.goal
        trigger = goal.replacement_trigger
        reasons = {
            "id": candidate.forced,
            "replaceWith": not self._renewed.isdisjoint(goal.replace_with),
            "replacementTrigger": trigger is not None and trigger != old.replacement_trigger,
        }
        return {key: DiffKind.UPDATE_REPLACE for key, holds in reasons.items() if holds}

    def _import_steps(self, goal: Goal, old: Resource | None, new: Resource) -> list[Step]:
        if old is None or old.external or old.pending_replacement or old.urn in self._deleted:
            return [Step(OpType.IMPORT, goal.urn, old, new)]
        self._refuse_protected(
            [old], "replaced", f"the program imports {goal.import_id} in its place"
        )
        self._replaced.add(id(old))
        self._renewed.add(goal.urn)
        return [
            Step(OpType.IMPORT_REPLACEMENT, goal.urn, old, new, keeps_old=True),
            Step(OpType.REPLACE, goal.urn, old, new),
        ]

    def _leave(self, goal: Goal, old: Resource | None) -> list[Step]:
        if old is None:
            self.skipped.add(goal.urn)
            return []
        self._left.add(id(old))
        self._circles.leave(goal.urn, old)
        return [Step(OpType.SAME, goal.urn, old, old)]

    def _refuse_skipped(self, goal: Goal, references: set[str]) -> None:
        needs = sorted(self.skipped & references)
        if needs and (goal.custom or not self._choice.targets):
            self._choice.refuse_missing(goal, needs[0])

    def _replace_steps(
        self, goal: Goal, old: Resource, new: Resource, diff: DiffResult
    ) -> list[Step]:
        self._refuse_protected([old], "replaced", ", ".join(diff.replaces))
        self._renewed.add(goal.urn)
        before = goal.delete_before_replace
        if before is None:
            before = diff.delete_before_replace
        if not before:
            self._replaced.add(id(old))
            return [
                Step(OpType.CREATE_REPLACEMENT, goal.urn, old, new, diff, keeps_old=True),
                Step(OpType.REPLACE, goal.urn, old, new, diff),
            ]
        after = self._olds[self._places[id(old)] + 1 :]
        # What was registered in this run cannot depend on what is only now being registered.
        unseen = [one for one in after if not one.delete and one.urn not in self._kept]
        condemned = dependent_replacements(old, unseen, self._differ)
        self._choice.refuse_condemned(old.urn, [one for one, _ in condemned], self._olds)
        why_all = f"it depends on {old.urn}, which is replaced"
        self._refuse_protected([one for one, _ in condemned], "replaced", why_all)
        deletes = [
            Step(OpType.DELETE_REPLACED, one.urn, one, None, why, keeps_old=True)
            for one, why in reversed(condemned)
            if one.urn not in self._deleted and not one.pending_replacement
        ]
        self._deleted.update({one.urn: one for one, _ in condemned})
        return [
            *deletes,
            Step(OpType.DELETE_REPLACED, goal.urn, old, None, diff, keeps_old=True),
            Step(OpType.REPLACE, goal.urn, old, new, diff),
            Step(OpType.CREATE_REPLACEMENT, goal.urn, old, new, diff),
        ]

    def read(self, goal: Goal, id_: str) -> list[Step]:
        """Steps for a resource that the program only looks at (``Resource.get``)."""
        self._see(goal)
        old = self._old(goal)
        new = replace(goal.resource(goal.inputs), id=id_, external=True)
        if old is not None and not old.external and old.id != id_:
            why = "the program reads another object in its place"
            self._refuse_protected([old], "replaced", why)
            self._replaced.add(id(old))
            self._renewed.add(goal.urn)
            return [
                Step(OpType.READ_REPLACEMENT, goal.urn, old, new, keeps_old=True),
                Step(OpType.REPLACE, goal.urn, old, new),
            ]
        return [Step(OpType.READ, goal.urn, old, new)]

    def deletes(self, why: str) -> list[Step]:
        """Steps for all that the program did not register, and for what was replaced.

        In the reverse of the state's order; raises when any of it is protected. ``why`` says, in
        that error, why these are deleted.
        """
        found: list[Step] = []
        chosen = self._choice.may_delete(self._olds, self._left)
        for one in reversed(self._olds):
            if one.delete or id(one) in self._replaced:
                op = OpType.DISCARD_REPLACED if one.external else OpType.DELETE_REPLACED
            elif one.urn in self._kept:
                continue
            elif one.pending_replacement or one.urn in self._deleted:
                op = OpType.REMOVE_PENDING_REPLACE
            else:
                op = OpType.DISCARD if one.external else OpType.DELETE
            if id(one) in chosen or self._in_any_case(op, one):
                found.append(Step(op, one.urn, one))
        deleted = [one.resource for one in found if one.op is OpType.DELETE]
        self._refuse_protected(deleted, "deleted", why)
        self._refuse_orphaned_dependents(found)
        return found

    def _in_any_case(self, op: OpType, one: Resource) -> bool:
        """Whether an object goes although nobody chose it: another stands in its place."""
        return op is not OpType.DELETE if self._choice.targets else id(one) in self._replaced

    def _refuse_orphaned_dependents(self, steps: list[Step]) -> None:
        """With targets, refuse to delete what is needed by something that stays."""
        if not self._choice.targets:
            return
        gone = {step.urn for step in steps if step.op is OpType.DELETE}
        for one in self._olds:
            needs = sorted(one.references() & gone)
            if needs and one.urn not in gone and one.urn not in self._kept and not one.delete:
                raise HoabanError(
                    f"{needs[0]} cannot be deleted alone: {one.urn} depends on it",
                    where=Location(urn=needs[0]),
                    mend=f"target that too: --target '{one.urn}'; or all: --target-dependents",
                )

    def refuse_unknown(self) -> None:
        """Raise when something that a person named fits no resource at all."""
        everything = {*self._seen, *self._live}
        for urn in everything:
            _ = urn in self._replace
        for text in sorted(self._choice.unused(everything) | self._replace.unused):
            raise unknown(text, everything)
