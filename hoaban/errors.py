"""The one family of errors that people see.

A :class:`HoabanError` says what is wrong, where, and how to mend it. The command line prints it
without a traceback; whatever else is raised is a defect of the program and keeps its traceback.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ExitCode(IntEnum):
    """Exit status of every ``hoaban`` verb."""

    OK = 0
    ERROR = 1
    USAGE = 2
    POLICY = 3
    DRIFT = 4
    INTERRUPTED = 130  # 128 + SIGINT, the shell's convention


@dataclass(frozen=True, slots=True)
class Location:
    """Where something is wrong: a place in a file, or an object of a stack or the cloud.

    ``line`` counts from 1. ``key`` is a dotted path in the file (``systems[0].tiers.web.size``).
    """

    file: str | None = None
    line: int | None = None
    key: str | None = None
    urn: str | None = None
    request_id: str | None = None

    def __str__(self) -> str:
        place = ""
        if self.file is not None:
            place = self.file if self.line is None else f"{self.file}:{self.line}"
        parts = [place, self.key, self.urn]
        if self.request_id:
            parts.append(f"request {self.request_id}")
        return ": ".join(part for part in parts if part)


class HoabanError(Exception):
    """Something a person can put right.

    ``what`` is one sentence; ``mend`` says what to do, with the command where there is one;
    ``detail`` holds evidence of several lines (the tail of a console log, a fault message).
    """

    exit_code = ExitCode.ERROR

    def __init__(
        self,
        what: str,
        *,
        where: Location | None = None,
        mend: str | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.mend = mend
        self.detail = detail

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where and str(self.where) else self.what
        return f"{text}\n  mend: {self.mend}" if self.mend else text

    def to_json(self) -> dict[str, Any]:
        """The same as one JSON object; absent parts are left out."""
        where = {k: v for k, v in asdict(self.where).items() if v is not None} if self.where else {}
        body = {"what": self.what, "where": where, "mend": self.mend, "detail": self.detail}
        return {"error": {key: value for key, value in body.items() if value}}


class ManyErrors(HoabanError):
    """Several errors found in one pass, told together so that one round of mending is enough."""

    def __init__(self, errors: Sequence[HoabanError]) -> None:
        self.errors = list(errors)
        codes = {error.exit_code for error in self.errors}
        if len(codes) == 1:
            (self.exit_code,) = codes
        super().__init__(f"{len(self.errors)} errors")

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)

    def to_json(self) -> dict[str, Any]:
        """An object with the list ``errors``, each as :meth:`HoabanError.to_json` gives it."""
        return {"errors": [error.to_json()["error"] for error in self.errors]}


def together(errors: Sequence[HoabanError]) -> HoabanError:
    """One error as it is, several as :class:`ManyErrors`."""
    return errors[0] if len(errors) == 1 else ManyErrors(errors)


def from_json(body: Mapping[str, Any]) -> HoabanError:
    """The error that :meth:`HoabanError.to_json` told, in another process."""
    if "errors" in body:
        return ManyErrors([from_json({"error": one}) for one in body["errors"]])
    one = body["error"]
    where = Location(**one["where"]) if one.get("where") else None
    return HoabanError(one["what"], where=where, mend=one.get("mend"), detail=one.get("detail"))


def listed(error: HoabanError | None) -> list[dict[str, Any]]:
    """Errors as JSON, whether there is none, one or several."""
    if error is None:
        return []
    told = error.to_json()
    errors: list[dict[str, Any]] = told["errors"] if "errors" in told else [told["error"]]
    return errors


class UsageError(HoabanError):
    """The command was called wrongly."""

    exit_code = ExitCode.USAGE


class PolicyError(HoabanError):
    """A policy of the province forbids what was asked."""

    exit_code = ExitCode.POLICY


class DriftError(HoabanError):
    """What runs is not what was written down."""

    exit_code = ExitCode.DRIFT
