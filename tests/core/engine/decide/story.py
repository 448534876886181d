"""The decisions of a rollout, with their times."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from ibgu.core.model import (
    Decision,
    Kind,
    OnMember,
    OnRollout,
    OnStep,
    Preempt,
    RecordedDecision,
)


class RecordedEvent(Struct, frozen=True):
    at: datetime
    decision: Decision


class Story:
    def __init__(self) -> None:
        self.said: list[RecordedEvent] = []

    def kinds(self, name: str) -> list[Kind]:
        """Returns what was said about a cluster so far."""
        about = (said.decision for said in self.said if isinstance(said.decision, OnMember))
        return [decision.kind for decision in about if decision.member.cluster == name]

    def decisions(self, kind: Kind) -> list[RecordedDecision]:
        """All of that kind so far."""
        return [said for _, said in self._all() if said.kind is kind]

    def told(self, kind: Kind) -> list[str]:
        """Their reasons."""
        return [decision.why for decision in self.decisions(kind)]

    def times(self, kind: Kind) -> list[datetime]:
        return [at for at, said in self._all() if said.kind is kind]

    def _all(self) -> Iterable[tuple[datetime, RecordedDecision]]:
        for said in self.said:
            if not isinstance(said.decision, Preempt):
                yield said.at, said.decision

    def warnings(self) -> list[str]:
        decisions = (said.decision for said in self.said)
        loud = (OnMember, OnStep, OnRollout)
        return [d.why for d in decisions if isinstance(d, loud) and d.warning]
