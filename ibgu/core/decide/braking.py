"""The brake inside of a chain: no Upgrade follows its Prep while it holds the step (R19).

What is under way goes on to its end; what would begin now is what the brake is there for, whether
its member waits for a slot or has one. Who is kept so keeps slot and hold until a person resumes.
"""

from ibgu.core.book import StepBook
from ibgu.core.decide.turn import Turn
from ibgu.core.gates import LASTING
from ibgu.core.gates.brake import brake
from ibgu.core.model import Kind, Member, MemberState, Reason, ReasonKind, Who


def kept_by_brake(turn: Turn, member: Member) -> bool:
    """Whether the member's next action may not begin now; that is noted on it, and on its step."""
    if not turn.action(member).reboots:
        return False
    book = turn.step(member)
    hold = book.step.hold
    reason = _engaged(hold) or brake(turn.snapshot, book, member, turn.now)
    if reason is None:
        return False
    if hold is None or hold.kind not in LASTING:
        hold_step(turn, book, reason)
    turn.waits(member, ReasonKind.BRAKE, reason.message, who=Who.PERSON)
    return True


def _engaged(hold: Reason | None) -> Reason | None:
    return hold if hold is not None and hold.kind is ReasonKind.BRAKE else None


def hold_step(turn: Turn, book: StepBook, reason: Reason) -> None:
    turn.on_step(Kind.STEP_HELD, book.step, reason.message, warning=True, hold=reason)


def braked(member: Member) -> bool:
    """It has its slot, and only the brake keeps it."""
    return member.state is MemberState.IN_FLIGHT and member.reason.kind is ReasonKind.BRAKE


def only_braked(book: StepBook) -> bool:
    """Nobody is on the way: all who have a slot are kept."""
    return all(braked(book.members[name]) for name in book.in_flight)


def let_go(turn: Turn, book: StepBook) -> None:
    """The next turn decides about them; nothing is done for them before."""
    turn.answer.left += [name for name in book.in_flight if braked(book.members[name])]
