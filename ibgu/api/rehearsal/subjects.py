"""Reads what is to be rehearsed: a manifest, or a rollout of the journal and its object."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from ibgu.api.preview.proposals import RequestedPreview, of_manifest, of_rollout
from ibgu.api.preview.schemas import ProposalBody
from ibgu.api.problems import Problem, invalid
from ibgu.api.rehearsal.schemas import AssumedBody, RehearsalSubjectBody
from ibgu.api.requests.access import Caller
from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ActionName
from ibgu.core.rehearsal.model import Odds, usual_odds
from ibgu.db.reads import Reads
from ibgu.documents import read
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
    against = await _given(("against", body.against), ("againstYaml", body.against_yaml))
    if against is not None:
        found.append(against)
    _check_assumed(body.assumed, {action for each in found for action in each.actions()})
    return found


async def _first(
    body: RehearsalSubjectBody, caller: Caller, reads: Reads, now: datetime
) -> RehearsalSubject:
    given = await _given(("manifest", body.manifest), ("yaml", body.yaml))
    if given is not None:
        return given
    namespace, name = body.namespace or "", body.name or ""
    await caller.require_rollouts(namespace)
    asked = await of_rollout(ProposalBody(namespace=namespace, name=name), reads, now)
    if asked.proposal.running is not None:
        raise Problem(409, "not-now", _running(asked))
    return RehearsalSubject("name", asked)


async def _given(
    manifest: tuple[str, dict[str, Any] | None], text: tuple[str, str | None]
) -> RehearsalSubject | None:
    """Returns the plan of an object or of a text, each with the name of its field; None: the body
    has neither."""
    field, found = manifest
    if found is None and text[1] is not None:
        field, found = text[0], await _manifest_in(text[1], text[0])
    return None if found is None else RehearsalSubject(field, of_manifest(found, field))


def _running(asked: RequestedPreview) -> str:
    command = f"ibgu rehearse -n {asked.namespace} {asked.name}"
    return (
        f"step {len(asked.proposal.begun)} of {asked.name} is under way, and only steps that have "
        f"not begun are rehearsed here: run `{command}`, which rehearses what is left of it"
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


async def _manifest_in(text: str, field: str) -> dict[str, Any]:
    """Returns the one manifest of a rollout in a text of YAML; `field`: the one of the body that
    has the text. Raises Problem."""
    # A long text takes seconds.
    return await asyncio.to_thread(_only_manifest, text, field)


def _only_manifest(text: str, field: str) -> dict[str, Any]:
    documents = read(text)
    for each in documents:
        if each.problem:
            raise invalid(field, "body", f"line {each.line} {each.problem}")
    found = [each for each in documents if each.kind in DRIVERS]
    if len(found) != 1:
        kinds = " or ".join(DRIVERS)
        words = f"contains {len(found)} objects of kind {kinds}, but must contain exactly one"
        raise invalid(field, "body", words)
    return dict(found[0].body)
