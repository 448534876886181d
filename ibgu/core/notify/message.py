"""One message, before it takes the receiver's format."""

from datetime import datetime

from msgspec import Struct

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


def message_id(seq: int, topic: Topic) -> str:
    return f"{seq}-{topic}"
