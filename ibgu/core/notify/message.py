"""One message, before it takes the receiver's format."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model.topics import Topic
from ibgu.core.notify.state import FailureGroup, Hold, TrackedEvents


class Message(Struct, frozen=True, kw_only=True):
    id: str
    """The same whenever the message is sent again."""
    seq: int
    """The number of the event that caused the message."""
    topic: Topic
    at: datetime
    rollout: str
    """The rollout's uid."""
    text: str
    """A sentence."""
    actor: str = ""
    hold: Hold | None = None
    groups: tuple[FailureGroup, ...] = ()
    track: TrackedEvents


def without_quotes(message: Message) -> Message:
    """Returns the message without the words of clusters and people: numbers, causes, and the names
    of objects are left. A receiver, or a firewall before it, may refuse what they have written."""
    hold = message.hold
    return replace(
        message,
        text=f"{message.topic}: the receiver refused the words of this message; ibgu has them",
        actor="",
        hold=hold and replace(hold, message=""),
        groups=tuple(replace(group, words="") for group in message.groups),
    )


def message_id(seq: int, topic: Topic, at: datetime) -> str:
    """Returns the id of a message that an event at this time has caused. After a restore of the
    journal, its numbers are given once more, to other events."""
    return f"{seq}-{topic}-{int(at.timestamp() * 1000)}"
