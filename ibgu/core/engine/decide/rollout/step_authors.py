"""The authors of steps, and what they have written: once a step has become another one, its author
no longer stands for it, and one person more approves (R50.13)."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.rollout.approved_content import StepContent, changes
from ibgu.core.model import PolicyRule, names
from ibgu.core.model.grants import StepAuthor


def step_authors(
    ctx: DecisionContext, content: Callable[[int], StepContent]
) -> tuple[StepAuthor, ...]:
    """Returns the authors of steps, in the order of the plan; `content` returns what a step is now,
    by its index. While it is not proven who annotates the rollout, those that are noted stay."""
    known, named = ctx.rollout.grants.authors, ctx.named_authors()
    if named is None:
        return known
    return tuple(_authors(ctx, {each.step: each for each in known}, named, content))


def _authors(
    ctx: DecisionContext,
    known: dict[int, StepAuthor],
    named: dict[int, str],
    content: Callable[[int], StepContent],
) -> Iterator[StepAuthor]:
    """Yields each author who is noted already or can be noted now: where a policy asks for approval
    and it is known what they have written."""
    asked = any(gate.rule is PolicyRule.APPROVAL for gate in ctx.snapshot.policies)
    for step, user in named.items():
        found, now = known.get(step), content(step)
        if found is not None and found.user == user:
            changed = found.changed or changes(found.content, now.approved) != ""
            yield replace(found, changed=changed)
        elif asked and _is_known(ctx, step, user, now):
            yield StepAuthor(step, user, now.approved)


def _is_known(ctx: DecisionContext, step: int, user: str, now: StepContent) -> bool:
    """Returns whether it is known what the step was when the user was named as its author: what it
    brings was read since."""
    read = ctx.snapshot.payload.authors.get(names.step_author(step)) == user
    return read and now.approved is not None and now.approved.payload is not None
