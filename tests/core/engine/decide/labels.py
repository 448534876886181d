"""The expected labels of a fleet, folded from the decisions about its members (R13)."""

from collections import Counter

from ibgu.core.engine.decide.member.patches import failure_labels, success_labels
from ibgu.core.model import Kind, OnMember, Run, RunResult
from tests.core.engine.decide.fleet import InMemoryEngine

Labels = dict[str, dict[str, str]]


def snapshot(engine: InMemoryEngine) -> Labels:
    return {name: dict(labels) for name, labels in engine.labels.items()}


def check(engine: InMemoryEngine, before: Labels) -> None:
    """Each outcome's change is there, and no key was written more often than it changed."""
    labels = {name: dict(keys) for name, keys in before.items()}
    changes: Counter[tuple[str, str]] = Counter()
    for said in engine.said:
        if isinstance(said.decision, OnMember):
            _fold(said.decision, labels[said.decision.member.cluster], changes)
    assert engine.labels == labels
    written = Counter((cluster, key) for cluster, key, _ in engine.patched)
    assert all(count <= changes[key] for key, count in written.items()), (written, changes)


def _fold(decision: OnMember, labels: dict[str, str], changes: Counter[tuple[str, str]]) -> None:
    for key, wanted in _wishes(decision, labels).items():
        if labels.get(key) == wanted:
            continue
        changes[decision.member.cluster, key] += 1
        if wanted is None:
            del labels[key]
        else:
            labels[key] = wanted


def _wishes(decision: OnMember, labels: dict[str, str]) -> dict[str, str | None]:
    done, failed = _done(decision), _failed(decision)
    if done is not None:
        return success_labels(done, labels)
    return failure_labels(failed) if failed is not None else {}


def _done(decision: OnMember) -> str | None:
    member = decision.member
    if decision.relabels or decision.kind is Kind.ACTION_SKIPPED:
        return member.completed[-1].action
    run = member.run
    ended = decision.kind is Kind.RUN_ENDED and run is not None
    return run.action if ended and run and run.result is RunResult.SUCCEEDED else None


def _failed(decision: OnMember) -> str | None:
    run = decision.member.run
    if decision.kind is not Kind.RUN_ENDED or run is None or not _by_itself(run):
        return None
    return run.action


def _by_itself(run: Run) -> bool:
    results = (RunResult.FAILED, RunResult.REFUSED, RunResult.LIMIT)
    return run.armed_at is not None and run.result in results
