"""Plans in files: what was looked at and approved is what is done.

A file holds the steps of a preview with the inputs that they pin, the digest of the state that they
begin with, and what made it. Its digest is SHA-256 over the body as canonical JSON; signatures are
over the digest and stand beside the body. Secrets are encrypted with the stack's passphrase.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import socket
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from hoaban import __version__
from hoaban.engine.api import Options
from hoaban.engine.embedded.checkpoint import Codec
from hoaban.engine.embedded.properties import UNKNOWN_STRING
from hoaban.engine.embedded.secrets import CachingCrypter, open_crypter
from hoaban.engine.embedded.state import timestamp
from hoaban.engine.embedded.store import open_stack, state_digest
from hoaban.engine.updateplan import MEND, PinnedStep, PlanError, UpdatePlan, moved
from hoaban.engine.values import UNKNOWN, Secret, Unknown
from hoaban.errors import HoabanError, Location
from hoaban.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hoaban.engine.api import Engine, Stack
    from hoaban.engine.embedded.secrets import PassphraseCrypter
    from hoaban.engine.values import PropertyValue
    from hoaban.provision.target import Target

FORMAT: Final = "hoaban-plan/1"
MODE: Final = 0o600
PROVIDERS: Final = ("pulumi", "pulumi-openstack")


@dataclass(frozen=True, slots=True)
class Phase:
    """One of the updates that a plan takes, and what it is configured with beside the usual."""

    config: Mapping[str, str]
    plan: UpdatePlan


@dataclass(frozen=True, slots=True)
class Signature:
    """An armoured SSH signature over a plan's digest; ``role`` is its namespace."""

    role: str
    armour: str


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as its file holds it. ``body`` is what the digest covers."""

    body: Mapping[str, Any]
    signatures: Sequence[Signature] = ()

    @classmethod
    def make(
        cls,
        target: Target,
        engine: Engine,
        crypter: PassphraseCrypter,
        phases: Sequence[Phase],
        options: Options,
        losses: Sequence[str],
    ) -> SavedPlan:
        """The plan of a preview that was recorded."""
        codec = Codec(CachingCrypter(crypter))
        return cls(
            {
                "format": FORMAT,
                "stack": target.name,
                "made": timestamp(),
                "made_by": f"{getpass.getuser()}@{socket.gethostname()}",
                "versions": versions(engine),
                "salt": crypter.salt,
                "base": phases[0].plan.base,
                "options": {
                    key: list(value) if isinstance(value, tuple) else value
                    for key, value in options.choices().items()
                },
                "losses": list(losses),
                "phases": [_phase_json(codec, phase, n) for n, phase in enumerate(phases)],
            }
        )

    @property
    def digest(self) -> str:
        """What is signed, without the line's end."""
        text = json.dumps(self.body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    @property
    def signed_text(self) -> str:
        """What signatures are over: the digest, on a line."""
        return f"{self.digest}\n"

    @property
    def stack(self) -> str:
        """Project and stack."""
        return str(self.body["stack"])

    @property
    def options(self) -> Options:
        """The options of the preview that an update must have too."""
        told = self.body["options"]
        chosen: dict[str, Any] = {
            key: tuple(one) if isinstance(one, list) else one
            for key, one in told.items()
            if key in Options().choices()  # what may be lost is not for a file to say
        }
        return Options(**chosen)

    def with_signature(self, signature: Signature) -> SavedPlan:
        """The same plan, signed once more."""
        return replace(self, signatures=[*self.signatures, signature])

    def steps(self) -> list[Mapping[str, Any]]:
        """Steps of the whole plan that change anything, as they stand in the file."""
        last = self.body["phases"][-1]["steps"]
        return [step for step in last if step["op"] not in ("same", "read")]

    def phases(self, passphrase_file: Path) -> list[Phase]:
        """The updates that the plan takes; only the first begins with the state it was made on."""
        where = str(passphrase_file)
        codec = Codec(CachingCrypter(open_crypter(passphrase_file, self.body["salt"], where=where)))
        return [
            Phase(one["config"], _plan(codec, one, n, self.body["base"] if n == 0 else ""))
            for n, one in enumerate(self.body["phases"])
        ]

    def write(self, file: Path) -> None:
        """Write the file in one step, for its owner alone."""
        text = json.dumps(
            {
                "digest": self.digest,
                "plan": self.body,
                "signatures": [asdict(one) for one in self.signatures],
            },
            indent=1,
            ensure_ascii=False,
        )
        try:
            write_atomic(file, f"{text}\n", mode=MODE)
        except OSError as error:
            raise HoabanError(
                f"cannot write the plan: {error.strerror}",
                where=Location(file=str(file)),
                mend="name a file in a folder that you may write to",
            ) from error

    @classmethod
    def read(cls, file: Path) -> SavedPlan:
        """A plan's file; an error when it is none, or was altered since."""
        where = Location(file=str(file))
        try:
            content = json.loads(file.read_bytes())
            found = cls(content["plan"], [Signature(**one) for one in content["signatures"]])
            digest, known = content["digest"], found.body["format"] == FORMAT
        except OSError as error:
            raise HoabanError(
                f"cannot read the plan: {error.strerror}",
                where=where,
                mend="name the file that `hoaban plan … --out FILE` wrote",
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise HoabanError(
                "this is no saved plan, or a part of one", where=where, mend=MEND
            ) from (error)
        if not known:
            what = f"the plan is of the format {found.body['format']}, this hoaban knows {FORMAT}"
            raise HoabanError(what, where=where, mend=MEND)
        if digest != found.digest:
            raise HoabanError("the plan was altered after it was made", where=where, mend=MEND)
        return found

    def require_fit(self, target: Target, engine: Engine, stack: Stack) -> None:
        """Raise when the plan is of another stack or engine, or the state has moved since."""
        if self.stack != target.name:
            raise PlanError(f"the plan is of {self.stack}, not of {target.name}", mend=MEND)
        now = versions(engine)
        made = self.body["versions"]
        other = [
            f"{key} {made.get(key)}, now {now[key]}" for key in now if made.get(key) != now[key]
        ]
        if other:
            what = f"the plan was made by other versions: {'; '.join(other)}"
            raise PlanError(what, mend=MEND)
        store = open_stack(stack, create=False).store
        changed = moved(self.body["base"], state_digest(store.load().snapshot, store.codec))
        if changed is not None:
            raise changed


def require_same(planned: UpdatePlan, now: UpdatePlan | None) -> None:
    """Raise, with all that differs, when a preview of now is not what was planned."""
    if now is None:
        raise HoabanError("the engine does not tell its steps", mend="use --engine embedded")
    found = planned.differences(now)
    if found:
        raise PlanError(
            f"what would be done now differs from the plan in {len(found)} places",
            detail="\n".join(found),
            mend=MEND,
        )


def versions(engine: Engine) -> dict[str, str]:
    """What a plan hangs on beside the inventory: with others the same may be planned otherwise."""
    return {"engine": engine.name, "hoaban": __version__} | {one: version(one) for one in PROVIDERS}


def _phase_json(codec: Codec, phase: Phase, number: int) -> dict[str, Any]:
    return {
        "config": dict(phase.config),
        "steps": [_step_json(codec, step, number) for step in phase.plan.steps],
        "outputs": _seal(codec, phase.plan.outputs, f"{number}#outputs"),
    }


def _step_json(codec: Codec, step: PinnedStep, number: int) -> dict[str, Any]:
    found = {**asdict(replace(step, inputs={})), "diffs": list(step.diffs)}
    place = f"{number}#{step.urn}#{step.op}"
    found["inputs"] = _seal(codec, step.inputs, place)
    return {key: value for key, value in found.items() if value or key == "op"}


def _plan(codec: Codec, phase: Mapping[str, Any], number: int, base: str) -> UpdatePlan:
    def step(told: Mapping[str, Any]) -> PinnedStep:
        place = f"{number}#{told['urn']}#{told['op']}"
        return PinnedStep(**{**told, "inputs": _open(codec, told.get("inputs", {}), place)})

    outputs = _open(codec, phase["outputs"], f"{number}#outputs")
    return UpdatePlan(base, [step(told) for told in phase["steps"]], outputs)


def _seal(codec: Codec, value: PropertyValue, place: str) -> Any:
    return codec.encode(_mapped(value, _without_unknown), place)


def _open(codec: Codec, value: Any, place: str) -> Any:
    return _mapped(codec.decode(value, place), _with_unknown)


def _mapped(value: PropertyValue, leaf: Any) -> PropertyValue:
    if isinstance(value, Secret):
        return Secret(_mapped(value.value, leaf))
    if isinstance(value, dict):
        return {key: _mapped(item, leaf) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, leaf) for item in value]
    return leaf(value)


def _without_unknown(value: PropertyValue) -> PropertyValue:
    return UNKNOWN_STRING if isinstance(value, Unknown) else value


def _with_unknown(value: PropertyValue) -> PropertyValue:
    return UNKNOWN if value == UNKNOWN_STRING else value
