"""Counts the people who have approved a point of a step (R50.13)."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from ibgu.core.model.accounts import holder_of, is_service_account
from ibgu.core.model.grants import Grants, StepAuthor
from ibgu.core.model.rollout_policy import PolicyApproval


class Approvers(Struct, frozen=True):
    """Approvers are the people who have approved what a policy asks for, and how many must."""

    asked: PolicyApproval
    author: str
    """The author of the step; empty: that is not known."""
    users: frozenset[str]
    """Those who have approved."""

    @property
    def allows_for_author(self) -> bool:
        """Whether one person more must approve, since one who approves may be the author. Behind a
        service account is a person who may make its tokens, and has an account of their own."""
        unknown = not self.author or is_service_account(self.author)
        return self.asked.four_eyes and unknown

    @property
    def needed(self) -> int:
        """The number of people who must approve. Of one person more who approves, none but one can
        be the author."""
        return self.asked.approvers + self.allows_for_author

    @property
    def counting(self) -> frozenset[str]:
        return frozenset(user for user in self.users if not self.leaves_out(user))

    @property
    def people(self) -> int:
        """The number of people who have approved and count. The service accounts of a namespace
        are one: who may edit the namespace could approve as each of them."""
        return len(set(map(holder_of, self.counting)))

    @property
    def missing(self) -> int:
        """The number of people who are missing."""
        return max(0, self.needed - self.people)

    def leaves_out(self, user: str) -> bool:
        return self.asked.four_eyes and holder_of(user) == holder_of(self.author)


def known_author(authors: Iterable[StepAuthor], step: int) -> str:
    """Returns the author of the step, who does not count; empty: that is not known. `step`: its
    index."""
    known = (each for each in authors if each.step == step and not each.changed)
    return next((each.user for each in known), "")


def missing_approvers(
    asked: Iterable[PolicyApproval],
    grants: Grants,
    step: int,
    before: str,
    now: datetime,
    who: str = "",
) -> Approvers | None:
    """Returns the approvers by the policy that misses the most; None: no policy misses any.
    `step`: its index; `who`: a user who approves, too."""
    author = known_author(grants.authors, step)
    users = {each.user for each in grants.approvals if each.counts(step, before, now)}
    users |= {who} if who else set()
    found = [Approvers(each, author, frozenset(users)) for each in asked]
    most = max(found, key=lambda each: each.missing, default=None)
    return most if most is not None and most.missing else None
