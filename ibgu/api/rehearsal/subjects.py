"""Reads what is to be rehearsed: a manifest, or a rollout of the journal and its object."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from ibgu.api.preview.proposals import RequestedPreview, of_manifest, of_rollout
from ibgu.api.preview.schemas import ProposalBody
from ibgu.api.problems import Problem, invalid
from ibgu.api.rehearsal.schemas import AssumedBody, RehearsalSubjectBody
from ibgu.api.requests.access import Caller
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActionName
from ibgu.core.rehearsal.model import Odds, usual_odds
from ibgu.db.reads import Reads
from ibgu.hub import paths
from ibgu.hub.decode import ObjectIdentity
from ibgu.hub.port import Hub


class RehearsalSubject(Struct, frozen=True):
    """RehearsalSubject is one plan that the caller wants rehearsed."""

    field: str
    """The field of the body that it comes from."""
    asked: RequestedPreview

    @property
    def begun(self) -> int:
        return len(self.asked.proposal.begun)

    def actions(self) -> list[ActionName]:
        """Returns the actions of the steps to come, each once."""
        plan = self.asked.proposal.spec.plan[self.begun :]
        return list(dict.fromkeys(action for item in plan for action in item.actions))


async def subjects_of(
    body: RehearsalSubjectBody, caller: Caller, reads: Reads, now: datetime
) -> list[RehearsalSubject]:
    """Returns one, or two that are compared. Raises Problem."""
    found = [await _first(body, caller, reads, now)]
    if body.against is not None:
        found.append(RehearsalSubject("against", of_manifest(body.against, "against")))
    _check_assumed(body.assumed, {action for each in found for action in each.actions()})
    return found


async def _first(
    body: RehearsalSubjectBody, caller: Caller, reads: Reads, now: datetime
) -> RehearsalSubject:
    if body.manifest is not None:
        return RehearsalSubject("manifest", of_manifest(body.manifest))
    namespace, name = body.namespace or "", body.name or ""
    await caller.require_rollouts(namespace)
    asked = await of_rollout(ProposalBody(namespace=namespace, name=name), reads, now)
    if asked.proposal.running is not None:
        raise Problem(409, "not-now", _running(asked))
    return RehearsalSubject("name", asked)


def _running(asked: RequestedPreview) -> str:
    return (
        f"step {len(asked.proposal.begun)} of {asked.name} is under way, and only steps that have "
        "not begun are rehearsed: see its likely end, or rehearse a manifest"
    )


def _check_assumed(assumed: list[AssumedBody], actions: set[ActionName]) -> None:
    for number, each in enumerate(assumed):
        if each.action not in actions:
            words = f"no step that is rehearsed has the action {each.action}"
            raise invalid(f"assumed.{number}.action", "body", words)


async def annotated(subject: RehearsalSubject, hub: Hub) -> tuple[Mapping[str, str], ...]:
    """Returns labels and annotations of the object. Raises HubError."""
    asked = subject.asked
    if asked.rollout is None:
        return asked.labels, asked.proposal.annotations
    path = paths.rollout_object(asked.rollout.kind, asked.namespace, asked.name)
    meta = (await hub.get(path, ObjectIdentity)).metadata
    return meta.labels, meta.annotations


def odds_of(
    subject: RehearsalSubject, assumed: list[AssumedBody], durations: DurationsByAction
) -> dict[ActionName, Odds]:
    return dict(_odds(subject.actions(), {each.action: each for each in assumed}, durations))


def _odds(
    actions: list[ActionName], assumed: Mapping[str, AssumedBody], durations: DurationsByAction
) -> Iterator[tuple[ActionName, Odds]]:
    for action in actions:
        given = assumed.get(action)
        failing = (given.failing or 0.0) / 100 if given else 0.0
        odds = usual_odds(action, durations, failing)
        if given and given.p50 is not None and given.p95 is not None:
            odds = Odds(given.p50 * 60, given.p95 * 60, failing)
        yield action, odds
