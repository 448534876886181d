"""The requests that the API server saw, from its audit log."""

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

from msgspec import Struct

from ibgu.core.model import names

IGNORED = frozenset(
    {
        "leases",
        "selfsubjectreviews",
        "tokenreviews",
        "subjectaccessreviews",
        "selfsubjectaccessreviews",
    }
)
"""Requests of the process, not of its rollouts."""
WRITES = frozenset({"create", "update", "patch", "delete"})
WORKS = "manifestworks"
_STAGE = f"-{names.STAGE}"
"""Ends the names of works that ask for something; those of payloads have another end."""
_CREDENTIAL = "authentication.kubernetes.io/credential-id"

Requests = Counter[tuple[str, str]]
"""(verb, resource with its subresource) -> how many."""
Senders = Counter[tuple[str, str, str]]
"""(user, verb, resource with its subresource) -> how many."""


class Entry(Struct, frozen=True):
    """Times are seconds since the epoch, by the API server's clock."""

    user: str
    verb: str
    resource: str
    """The resource with its subresource: "manifestworks/status"."""
    namespace: str
    received: float
    completed: float
    code: int
    name: str = ""
    credential: str = ""
    """Tells the tokens of one ServiceAccount apart; empty for users of the token file."""

    @property
    def target(self) -> tuple[str, str, str]:
        return self.resource, self.namespace, self.name


def read(log: Path) -> list[Entry]:
    with log.open() as lines:
        return [_entry(json.loads(line)) for line in lines]


def _entry(line: dict[str, object]) -> Entry:
    reference = line.get("objectRef") or {}
    status = line.get("responseStatus") or {}
    user = line["user"]
    assert isinstance(reference, dict)
    assert isinstance(status, dict)
    assert isinstance(user, dict)
    parts = (reference.get("resource", ""), reference.get("subresource", ""))
    extra = user.get("extra") or {}
    return Entry(
        user=user.get("username", ""),
        verb=str(line["verb"]),
        resource="/".join(part for part in parts if part),
        namespace=reference.get("namespace", ""),
        received=_seconds(line["requestReceivedTimestamp"]),
        completed=_seconds(line["stageTimestamp"]),
        code=status.get("code", 0),
        name=reference.get("name", ""),
        credential="".join(extra.get(_CREDENTIAL, ())),
    )


def _seconds(stamp: object) -> float:
    return datetime.fromisoformat(str(stamp)).timestamp()


def requests(entries: Iterable[Entry], user: str) -> Requests:
    mine = (entry for entry in entries if entry.user == user and entry.resource not in IGNORED)
    return Counter((entry.verb, entry.resource) for entry in mine)


def by_sender(entries: Sequence[Entry], rollouts: str) -> Senders:
    """Returns what everybody asked of the hub since the first rollout was created. `rollouts`: the
    resource of its kind."""
    created = (e.received for e in entries if (e.verb, e.resource) == ("create", rollouts))
    began = min(created, default=0.0)
    return Counter((e.user, e.verb, e.resource) for e in entries if e.received >= began)


def writes(found: Requests) -> int:
    return sum(count for (verb, _), count in found.items() if verb in WRITES)


def feedback(entries: Iterable[Entry], controller: str) -> list[Entry]:
    """Returns what the agents of the clusters told the hub."""
    return [e for e in entries if e.user != controller and e.resource == f"{WORKS}/status"]


class Moments:
    """The moments at which stage works were written: by ibgu (the works), by the agents (their
    status)."""

    def __init__(
        self, entries: Iterable[Entry], controller: str, rests: Mapping[str, Sequence[bool]]
    ) -> None:
        """`rests`: by cluster, which of the reports that the hub took prove the end of a stage."""
        self._armed: dict[str, list[float]] = {}
        self._fed_back: dict[str, list[float]] = {}
        stages = [entry for entry in entries if entry.name.endswith(_STAGE)]
        for entry in stages:
            if entry.user == controller and entry.resource == WORKS and entry.verb in WRITES:
                self._armed.setdefault(entry.namespace, []).append(entry.received)
        taken: dict[str, list[float]] = {}
        for entry in feedback(stages, controller):
            if entry.code < HTTPStatus.BAD_REQUEST:
                taken.setdefault(entry.namespace, []).append(entry.completed)
        for cluster, times in taken.items():
            # The last ones may have been under way when the fleet was stopped.
            proofs = zip(sorted(times), rests.get(cluster, ()), strict=False)
            self._fed_back[cluster] = [time for time, rest in proofs if rest]
        for times in self._armed.values():
            times.sort()

    def armed(self, cluster: str, requested: float) -> float:
        """Returns when the write arrived that made the cluster's stage change at `requested`."""
        times = self._armed[cluster]
        return times[bisect_right(times, requested) - 1]

    def fed_back(self, cluster: str, ended: float) -> float:
        """Returns when the feedback that proves a stage's end, which came at `ended`, was on the
        hub."""
        times = self._fed_back[cluster]
        return times[bisect_left(times, ended)]
