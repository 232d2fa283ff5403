"""Policies in an operation: what packs say of resources, and what follows from it.

As in the official engine: a remediation rewrites inputs; then resource policies judge them, and
when the program is through, stack policies judge the whole. In a preview everything is told
together; a mandatory violation then fails it. In an update it stops the resource before its call.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pulumi.runtime.proto import analyzer_pb2

from hoaban.engine.api import Violation
from hoaban.engine.embedded.analyzer import Analyzer
from hoaban.engine.embedded.properties import (
    RESOURCE_SIGNATURE,
    UNKNOWN_STRING,
    keep_secrets,
    reveal,
    signature,
)
from hoaban.engine.embedded.urns import name_of
from hoaban.engine.embedded.wire import from_struct, to_struct
from hoaban.engine.values import UNKNOWN
from hoaban.errors import Location, PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hoaban.engine.embedded.backend import StackName
    from hoaban.engine.embedded.candidate import Candidate
    from hoaban.engine.embedded.events import Reporter
    from hoaban.engine.embedded.state import Resource
    from hoaban.engine.embedded.steps import Goal
    from hoaban.engine.values import PropertyMap, PropertyValue

MANDATORY: Final = "mandatory"
_NOTE: Final = "__"  # how names of what a provider notes for itself begin
_LEVELS: Final = {
    analyzer_pb2.ADVISORY: "advisory",
    analyzer_pb2.MANDATORY: MANDATORY,
    analyzer_pb2.REMEDIATE: MANDATORY,  # it was to be put right, and is still wrong
}


class Policies:
    """The packs of one run of a program. Resources are looked at from several threads at once."""

    def __init__(
        self, packs: Sequence[Path], name: StackName, folder: Path, *, preview: bool
    ) -> None:
        """Start the packs' processes; they load while the program does, which is in ``folder``."""
        self._folder = folder
        self._preview = preview
        self._lock = threading.Lock()
        self._connected = False
        self._refusals: list[PolicyError] = []
        self._analyzers: list[Analyzer] = []
        self.violations: list[Violation] = []
        try:
            for pack in packs:
                self._analyzers.append(Analyzer(pack, name, preview=preview))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the processes."""
        for analyzer in self._analyzers:
            analyzer.close()

    def _ready(self, report: Reporter) -> list[Analyzer]:
        with self._lock:
            if not self._connected:
                for analyzer in self._analyzers:
                    analyzer.connect()
                    report.packs[analyzer.name] = analyzer.version
                self._connected = True
        return self._analyzers

    def look(
        self, candidate: Candidate, inputs: PropertyMap, report: Reporter
    ) -> tuple[Candidate, PropertyMap]:
        """A goal and its checked inputs as they may be, remediated.

        Raises in an update when a policy forbids them.
        """
        for analyzer in self._ready(report):
            if analyzer.remediates:
                before, inputs = inputs, self._remediated(analyzer, candidate.goal, inputs, report)
                candidate = _with_changes(candidate, before, inputs)
            goal = candidate.goal
            found = analyzer.analyze(_request(goal, inputs)).diagnostics
            self._judge(analyzer, found, goal.urn, report)
        return candidate, inputs

    def _remediated(
        self, analyzer: Analyzer, goal: Goal, inputs: PropertyMap, report: Reporter
    ) -> PropertyMap:
        for one in analyzer.remediate(_request(goal, inputs)).remediations:
            if one.diagnostic:
                report.say("warning", one.diagnostic, urn=goal.urn)
                continue
            notes = {key: value for key, value in inputs.items() if key.startswith(_NOTE)}
            given = from_struct(one.properties, self._folder)
            inputs = keep_secrets({**notes, **given}, inputs)
            what = f"the policy {one.policyName} has put this right: {one.description}"
            report.say("warning", what, urn=goal.urn)
        return inputs

    def look_at_stack(self, resources: Iterable[Resource], report: Reporter) -> None:
        """Let stack policies see everything that the program registered."""
        seen = [_stack_resource(one) for one in resources]
        for analyzer in self._ready(report):
            request = analyzer_pb2.AnalyzeStackRequest(resources=seen)
            self._judge(analyzer, analyzer.analyze_stack(request).diagnostics, "", report)

    def refusals(self) -> list[PolicyError]:
        """Mandatory violations that a preview went past."""
        with self._lock:
            return list(self._refusals)

    def _judge(
        self, analyzer: Analyzer, diagnostics: Iterable[Any], urn: str, report: Reporter
    ) -> None:
        refused = []
        for one in diagnostics:
            violation = Violation(
                policy=one.policyName,
                pack=one.policyPackName,
                version=analyzer.version,
                level=_LEVELS.get(one.enforcementLevel, "advisory"),
                message=one.message,
                urn=one.urn or urn,
            )
            with self._lock:
                self.violations.append(violation)
            report.violated(violation)
            if violation.level == MANDATORY:
                refused.append(refusal(violation))
        with self._lock:
            self._refusals += refused
        if refused and not self._preview:
            raise refused[0]


def refusal(violation: Violation) -> PolicyError:
    """A mandatory violation as an error."""
    rule, _, told = violation.message.partition("\n")
    return PolicyError(
        f"the policy {violation.policy} forbids it: {told or rule}",
        where=Location(urn=violation.urn or None),
        mend=f"see docs/policies/{violation.policy}.md"
        if violation.pack == "hoaban"
        else f"see the policy {violation.policy} of the pack {violation.pack}",
    )


def _with_changes(candidate: Candidate, before: PropertyMap, after: PropertyMap) -> Candidate:
    """The goal as if the program had given what was put right; what was made up is not taken in."""
    if before == after:
        return candidate
    changed = {key: value for key, value in after.items() if before.get(key, _NOTE) != value}
    kept = {key: value for key, value in candidate.goal.inputs.items() if key in after}
    return replace(candidate, goal=replace(candidate.goal, inputs={**kept, **changed}))


def _request(goal: Goal, inputs: PropertyMap) -> Any:
    return analyzer_pb2.AnalyzeRequest(
        type=goal.type,
        properties=to_struct(_plain(inputs)),
        urn=goal.urn,
        name=goal.name,
        options=_options(goal),
    )


def _options(goal: Goal) -> Any:
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=goal.protect,
        ignoreChanges=goal.ignore_changes,
        deleteBeforeReplace=bool(goal.delete_before_replace),
        deleteBeforeReplaceDefined=goal.delete_before_replace is not None,
        additionalSecretOutputs=goal.additional_secret_outputs,
        aliases=goal.aliases,
        parent=goal.parent,
    )


def _stack_resource(resource: Resource) -> Any:
    outputs = {**resource.inputs, **resource.outputs}
    return analyzer_pb2.AnalyzerResource(
        type=resource.type,
        properties=to_struct(_plain(outputs)),
        urn=resource.urn,
        name=name_of(resource.urn),
        options=analyzer_pb2.AnalyzerResourceOptions(
            protect=resource.protect,
            ignoreChanges=resource.ignore_changes,
            additionalSecretOutputs=resource.additional_secret_outputs,
            aliases=resource.aliases,
            parent=resource.parent,
        ),
        parent=resource.parent,
        dependencies=resource.dependencies,
        propertyDependencies={
            key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
            for key, urns in resource.property_dependencies.items()
        },
    )


def _plain(values: PropertyMap) -> PropertyMap:
    """Values as packs take them: no secrets, no notes of a provider, references as ids."""
    found = {key: value for key, value in values.items() if not key.startswith(_NOTE)}
    plain: PropertyMap = _without_references(reveal(found))
    return plain


def _without_references(value: PropertyValue) -> PropertyValue:
    if signature(value) == RESOURCE_SIGNATURE:
        id_ = value.get("id", value["urn"])
        return UNKNOWN if id_ in ("", UNKNOWN_STRING) else id_
    if isinstance(value, dict):
        return {key: _without_references(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_references(item) for item in value]
    return value
