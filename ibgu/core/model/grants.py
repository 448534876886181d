"""Grants (ibgu.dev/v1alpha1): what a person allows one rollout that its policies keep it from.

A RolloutApproval is what a policy asks for. A BreakGlass passes gates of policies for a while. Who
has written one is known, because an admission policy lets users name nobody but themselves.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.model.names import IBGU


class ApprovalPoint(StrEnum):
    """ApprovalPoint is what is approved; otherwise that is an action, by its name."""

    STEP = "Step"
    """The beginning of a step."""
    REST = "Rest"
    """The rest of a step, behind its canaries."""


def point_words(number: int, before: str) -> str:
    """Returns what is approved, in words: "step 2", or what of that step."""
    if before == ApprovalPoint.STEP:
        return f"step {number}"
    return f"{'the rest' if before == ApprovalPoint.REST else before} of step {number}"


class GrantedRollout(Struct, frozen=True, forbid_unknown_fields=True):
    """GrantedRollout names the rollout, in the namespace of the grant."""

    name: str
    kind: str = IBGU
    uid: str = ""
    """Empty: the rollout of that name, if it is older than the grant."""


class RolloutApprovalSpec(Struct, frozen=True, forbid_unknown_fields=True):
    rollout: GrantedRollout
    step: int
    """The number of the plan's step, from 1."""
    before: str
    """Step, Rest, or the name of an action."""
    user: str
    """The user who approves, as the hub knows them."""
    comment: str = ""
    until: str = ""
    """RFC 3339; empty: the approval has no end."""


class RolloutApproval(Struct, frozen=True):
    metadata: ObjectMeta
    spec: RolloutApprovalSpec


class BreakGlassSpec(Struct, frozen=True, forbid_unknown_fields=True):
    rollout: GrantedRollout
    gates: list[str]
    """The names of gates, as reasons show them, such as RolloutPolicy/ran-nights."""
    user: str
    reason: str
    until: str
    """RFC 3339."""


class BreakGlass(Struct, frozen=True):
    metadata: ObjectMeta
    spec: BreakGlassSpec


class ApprovedContent(Struct, frozen=True):
    """ApprovedContent is what people approve with a step, as digests: sha256, in hexadecimal."""

    plan: str
    """The digest of the rollout's selectors, and of its steps up to this one."""
    annotations: str
    """The digest of annotations that go to clusters, or say which backup is made."""
    payload: str | None = ""
    """The digest of the ConfigMaps and Secrets that go to the clusters up to this step; empty:
    there are none, None: not known yet."""


class Approval(Struct, frozen=True):
    """Approval is one that ibgu has seen for a rollout."""

    uid: str
    name: str
    user: str
    step: int
    """The index of the step, from 0."""
    before: str
    comment: str = ""
    until: datetime | None = None
    refused: str = ""
    """Why it does not count, and never will; empty: it counts."""
    created: datetime | None = None
    """None: no time that can be read."""
    content: ApprovedContent | None = None
    """What the step was when ibgu saw the approval; None: it was refused then."""
    changed: bool = False
    """Whether it is refused because its step has become another one since."""

    @property
    def point(self) -> tuple[int, str]:
        """The step, and what of it is approved."""
        return (self.step, self.before)

    def counts(self, step: int, before: str, now: datetime) -> bool:
        fits = self.point == (step, before)
        return fits and not self.refused and (self.until is None or now < self.until)


class AskedApproval(Struct, frozen=True):
    """AskedApproval is one that a policy asks for, and for which clusters of a step wait."""

    step: int
    """The index of the step, from 0."""
    gate: str
    """The name of the policy's gate, such as RolloutPolicy/ran-nights."""
    before: str
    """What of the step has to be approved, as of an approval."""
    message: str = ""
    """How many people must approve, who has, and with which command."""

    @property
    def key(self) -> tuple[int, str, str]:
        return (self.step, self.gate, self.before)


class StepAuthor(Struct, frozen=True):
    """StepAuthor is who says that they have written a step, and what the step was then."""

    step: int
    """The index of the step, from 0."""
    user: str
    content: ApprovedContent | None = None
    """None: that is not known, as the journal was lost since."""
    changed: bool = False
    """Whether the step has become another one since, for which the author does not stand."""


class BrokenGlass(Struct, frozen=True):
    """BrokenGlass is what a BreakGlass lets one rollout pass."""

    uid: str
    name: str
    user: str
    gates: tuple[str, ...]
    reason: str
    until: datetime | None = None
    """None: no time that can be read, and it is refused."""
    refused: str = ""
    """Why it does not count, and never will; empty: it counts."""
    ended: bool = False

    def passes(self, gate: str, now: datetime) -> bool:
        return gate in self.gates and self.counts(now)

    def counts(self, now: datetime) -> bool:
        open_ = not self.refused and not self.ended
        return open_ and self.until is not None and now < self.until


class Grants(Struct, frozen=True):
    """Grants are those of one rollout, in order of their age, as far as they are read."""

    approvals: tuple[Approval, ...] = ()
    broken_glass: tuple[BrokenGlass, ...] = ()
    withdrawn: tuple[Approval, ...] = ()
    """The approvals that have counted and were deleted, one of each point, which says what was
    approved: that of content which has changed since, or else the newest."""
    authors: tuple[StepAuthor, ...] = ()
    """The authors of steps, where policies ask for approval, in the order of the plan."""
    asked: tuple[AskedApproval, ...] = ()
    """What the running step waits for: no grants, but those that are missing."""
    unread: int = 0
    """How many younger approvals are not read."""
    unread_glasses: int = 0
    """How many younger BreakGlasses are not read."""
    unread_until: datetime | None = None
    """When the youngest approval was written that was ever left unread."""

    def passes(self, gate: str, now: datetime) -> bool:
        """Returns whether somebody lets the rollout pass the gate."""
        return any(each.passes(gate, now) for each in self.broken_glass)
