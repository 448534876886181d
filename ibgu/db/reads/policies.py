"""Reads the policies that are in force, and the members that they keep."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Text, any_, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.gates.policies import UNKNOWN
from ibgu.core.engine.state.failures import REMEMBERED, FailedMember, failure_of
from ibgu.core.model import MemberState, Outcome, StepState
from ibgu.core.model.grants import StepAuthor
from ibgu.core.model.kinds import JsonObject
from ibgu.core.plan.approvers import known_author
from ibgu.core.views.policy_words import policy_of
from ibgu.db.journal.policies import JournaledPolicy, policies_in_force
from ibgu.db.reads.base import texts
from ibgu.db.reads.counting import APPROVALS, GATE, MESSAGES, REASON, SOONEST_MESSAGE, CountingReads
from ibgu.db.reads.tallies import StepKey
from ibgu.db.rows import NEWEST_RUN, OF_MEMBER_AND_RUN, to_member, to_record
from ibgu.db.schema import members, rollouts, runs, steps
from ibgu.db.views import HeldRow, PolicyListing, PolicyRow

# As a parameter it would keep the planner from the index of failed members.
_FAILED: ColumnElement[str] = literal_column(f"'{Outcome.FAILED.value}'")
NAMES = 10
"""The most clusters of a step that are named."""


class PolicyReads(CountingReads):
    async def policies(
        self, *, namespaces: Collection[str] | None = None, policy: str | None = None
    ) -> PolicyListing:
        """Returns the policies, with what they keep in rollouts of the namespaces; None: of all.

        `policy`: only the one of that name. One that the controller can't read is there while it
        keeps members.
        """
        async with self._at_one_moment() as db:
            in_force = {each.name: each for each in await policies_in_force(db, self.hub)}
            by_name: dict[str, list[HeldRow]] = {}
            for row in await self._kept_by_policies(db, namespaces, policy):
                by_name.setdefault(policy_of(row.gate), []).append(row)
            now = await self._now(db)
        unknown = by_name.pop("", [])
        names = sorted(in_force.keys() | by_name.keys())
        return PolicyListing(
            now,
            tuple(
                _row(name, in_force.get(name), by_name.get(name, []))
                for name in names
                if policy in (None, name)
            ),
            tuple(unknown),
        )

    async def failures(self, since: datetime | None = None) -> tuple[FailedMember, ...]:
        """Returns the failures of all rollouts of the hub that budgets count, in order of time.

        `since`: only later ones. Those of two weeks count, as for the controller.
        """
        async with self._at_one_moment() as db:
            oldest = await self._now(db) - REMEMBERED
            found = await db.execute(
                select(*OF_MEMBER_AND_RUN)
                .outerjoin(runs, NEWEST_RUN)
                .where(members.c.hub == self.hub, members.c.outcome == _FAILED)
                .where(members.c.ended_at > max(oldest, since or oldest))
                .order_by(members.c.ended_at)
            )
            failures = map(failure_of, map(to_member, found))
            return tuple(each for each in failures if each is not None)

    async def policy_specs(self) -> dict[str, JsonObject]:
        """Returns the specs of the policies in force, by name."""
        async with self._at_one_moment() as db:
            return {each.name: each.spec for each in await policies_in_force(db, self.hub)}

    async def _kept_by_policies(
        self, db: AsyncConnection, namespaces: Collection[str] | None, policy: str | None
    ) -> list[HeldRow]:
        of_hub = (rollouts.c.hub == steps.c.hub) & (rollouts.c.uid == steps.c.rollout)
        running = (
            select(
                *(steps.c.rollout, steps.c.index, rollouts.c.namespace, rollouts.c.name),
                rollouts.c.grants["authors"].label("authors"),
            )
            .join_from(steps, rollouts, of_hub)
            .where(steps.c.hub == self.hub, steps.c.state == StepState.RUNNING.value)
        )
        if namespaces is not None:
            running = running.where(rollouts.c.namespace == any_(texts(namespaces)))
        names: dict[StepKey, dict[str, str]] = {
            (uid, step): {
                "namespace": namespace,
                "name": name,
                "author": known_author(
                    msgspec.convert(authors or (), tuple[StepAuthor, ...]), step
                ),
            }
            for uid, step, namespace, name, authors in await db.execute(running)
        }
        if not names:
            return []
        kept = (await db.execute(self._of_steps(list(names), _kept(policy)))).mappings()
        held = [_of_rollout(row, names[row["rollout"], row["step"]]) for row in kept]
        return sorted(held, key=lambda each: (-each.count, each.namespace, each.name, each.step))


def _of_rollout(row: Mapping[Any, Any], names: Mapping[str, str]) -> HeldRow:
    # msgspec takes no subclasses of str as keys.
    return to_record({**{str(column): value for column, value in row.items()}, **names}, HeldRow)


def _kept(policy: str | None) -> Any:
    """Selects the members of a step that policies keep, by what they wait for."""
    group = (members.c.state, REASON["kind"].label("kind"), REASON["who"].label("who"))
    clusters = func.array_agg(
        aggregate_order_by(members.c.cluster, members.c.position, members.c.cluster),
        type_=ARRAY(Text),
    )
    statement = (
        select(
            *group,
            GATE.label("gate"),
            func.count().label("count"),
            func.min(REASON["since"]).label("since"),
            func.min(REASON["until"]).label("until"),
            SOONEST_MESSAGE.label("message"),
            MESSAGES.label("messages"),
            APPROVALS.label("approvals"),
            clusters[1:NAMES].label("clusters"),
        )
        .where(members.c.state != MemberState.FINISHED.value)
        .group_by(*group, GATE)
    )
    if policy is None:
        return statement.where(GATE.startswith(policy_gate("")) | (GATE == UNKNOWN))
    return statement.where(GATE.in_([policy_gate(policy)]))


def _row(name: str, found: JournaledPolicy | None, held: list[HeldRow]) -> PolicyRow:
    if found is None:
        return PolicyRow(name, tuple(held))
    return PolicyRow(name, tuple(held), found.generation, found.seen_at, found.spec)
