"""Counts the people who have approved a point of a step, as the gate of approvals does."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from ibgu.core.model.grants import Grants
from ibgu.core.model.rollout_policy import PolicyApproval


class MissingApprovers(Struct, frozen=True):
    """MissingApprovers is how many people have approved what a policy asks for, and how many
    must."""

    asked: PolicyApproval
    author: str
    """The author of the step; empty: that is not known, and one person more must approve."""
    users: frozenset[str]
    """Those who have approved."""

    @property
    def allows_for_author(self) -> bool:
        return self.asked.four_eyes and not self.author

    @property
    def needed(self) -> int:
        return self.asked.approvers + self.allows_for_author

    @property
    def counting(self) -> int:
        return len([user for user in self.users if not self.leaves_out(user)])

    @property
    def number(self) -> int:
        """The number of people who are missing."""
        return max(0, self.needed - self.counting)

    def leaves_out(self, user: str) -> bool:
        return self.asked.four_eyes and user == self.author


def missing_approvers(
    asked: Iterable[PolicyApproval],
    grants: Grants,
    step: int,
    before: str,
    now: datetime,
    who: str = "",
) -> MissingApprovers | None:
    """Returns who is missing by the policy that asks for the most people; None: nobody is. `step`:
    its index; `who`: a user who approves, too."""
    authors = (each for each in grants.authors if each.step == step and not each.changed)
    author = next((each.user for each in authors), "")
    users = {each.user for each in grants.approvals if each.counts(step, before, now)}
    users |= {who} if who else set()
    found = [MissingApprovers(each, author, frozenset(users)) for each in asked]
    most = max(found, key=lambda each: each.number, default=None)
    return most if most is not None and most.number else None
