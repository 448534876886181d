"""Groups failures: one message for the first cluster, then fewer and fewer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import itemgetter

from msgspec.structs import replace

from ibgu.core.drivers import declared, traits
from ibgu.core.engine.driver import FailureTexts
from ibgu.core.notify.rollout_event import RolloutEvent
from ibgu.core.notify.state import NAMED, FailureGroup
from ibgu.core.text.commands import named_commands
from ibgu.core.text.harmless import one_line

MAX_MESSAGE = 300
"""Characters of a cluster's message that are passed on."""


def counted(
    texts: FailureTexts, groups: Sequence[FailureGroup], fact: RolloutEvent
) -> tuple[FailureGroup, ...]:
    """Returns the groups with the failed cluster added; its group comes last."""
    new = _group(texts, fact)
    old = next((group for group in groups if group.key == new.key), None)
    others = tuple(group for group in groups if group.key != new.key)
    if old is None:
        return (*others, new)
    clusters = (*old.clusters, *new.clusters)[:NAMED]
    differ = old.differ or new.words != old.words
    more = replace(
        old,
        count=old.count + 1,
        clusters=clusters,
        last=fact.at,
        differ=differ,
        remedy=_group(texts, fact, alone=False).remedy,
    )
    return (*others, more)


def without(groups: Sequence[FailureGroup], fact: RolloutEvent) -> tuple[FailureGroup, ...]:
    """Returns the groups without the cluster, which has not failed after all. A group names only
    its first clusters: one that none names is taken from the step's group if that has but one."""
    of_step = [group for group in groups if group.step == fact.step]
    named = [group for group in of_step if fact.cluster in group.clusters]
    found = next(iter(named or (of_step if len(of_step) == 1 else ())), None)
    if found is None:
        return tuple(groups)
    clusters = tuple(name for name in found.clusters if name != fact.cluster)
    less = replace(found, count=found.count - 1, clusters=clusters)
    changed = (less if group is found else group for group in groups)
    return tuple(group for group in changed if group.count)


def most_serious(groups: Iterable[FailureGroup]) -> list[FailureGroup]:
    """Returns the groups, those of actions that reboot first, and then the largest. The largest of
    each step and action comes before any second one."""
    ranks: Counter[tuple[int, str]] = Counter()
    ranked = []
    for group in sorted(groups, key=lambda group: (not _reboots(group.action), -group.count)):
        ranked.append((ranks[group.step, group.action], group))
        ranks[group.step, group.action] += 1
    return [group for _, group in sorted(ranked, key=itemgetter(0))]


def _reboots(action: str) -> bool:
    return declared(action) and traits(action).reboots


def milestone(count: int) -> bool:
    """Whether the count is 1, 5, 10, 50, 100, 500, …: each is a message; the step's end reports the
    rest."""
    digits = str(count)
    return digits[0] in "15" and not digits[1:].strip("0")


def _group(texts: FailureTexts, fact: RolloutEvent, *, alone: bool = True) -> FailureGroup:
    """Returns the group of the failed cluster. `alone`: whether its commands may name it."""
    assert fact.step is not None
    assert fact.cluster is not None
    action, words = str(fact.data.get("failed_action", "")), str(fact.data.get("message", ""))
    known = texts.failure(action, words) if declared(action) else None
    words = one_line(words)
    return FailureGroup(
        step=fact.step,
        action=action,
        failure=known.name if known else fact.cause or "unknown",
        words=words if len(words) <= MAX_MESSAGE else f"{words[:MAX_MESSAGE]}…",
        words_of=fact.cluster,
        remedy=named_commands(
            known.remedy, fact.namespace, fact.name, fact.cluster if alone else ""
        )
        if known
        else "",
        count=1,
        clusters=(fact.cluster,),
        first=fact.at,
        last=fact.at,
    )
