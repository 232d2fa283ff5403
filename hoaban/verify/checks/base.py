"""What every check is: a small class with an identifier, and words for people."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from hoaban.model.types import Text
from hoaban.verify.model import CheckReport, Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hoaban.verify.scene import Scene


class Check(ABC):
    """One promise, and how it is seen to be kept.

    ``proves`` says what is true when the check passes; ``how`` says what is measured, so that a
    reader can judge the proof. A check reads the scene and measures nothing itself.
    """

    id: ClassVar[str]
    title: ClassVar[Text]
    proves: ClassVar[Text]
    how: ClassVar[Text]

    @abstractmethod
    def examine(self, scene: Scene) -> Iterable[Finding]:
        """Findings, one a host or one for the whole."""

    def report(self, scene: Scene) -> CheckReport:
        """All findings, with the words that explain them."""
        return CheckReport(
            id=self.id,
            title=self.title,
            proves=self.proves,
            how=self.how,
            findings=list(self.examine(scene)),
        )


def judged(host: str | None, problems: Sequence[Text], measured: Text) -> Finding:
    """A finding that failed with its problems, or passed with what was measured."""
    if not problems:
        return Finding(host=host, status=Status.PASS, evidence=measured)
    return Finding(host=host, status=Status.FAIL, evidence=joined([*problems, measured]))


def joined(texts: Sequence[Text]) -> Text:
    """Several texts as one."""
    return Text(
        vi="; ".join(text.vi for text in texts),
        en="; ".join(text.en for text in texts),
    )


def both(vi: str, en: str) -> Text:
    """A text in both languages."""
    return Text(vi=vi, en=en)
