"""One message, before it takes the receiver's format."""

from datetime import datetime

from msgspec import Struct

from ibgu.core.notify.memory import FailureGroup, Hold, Track
from ibgu.core.notify.topics import BAD, Topic


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
    track: Track

    @property
    def bad(self) -> bool:
        """Whether somebody may have to act."""
        if self.topic is Topic.ROLLOUT_COMPLETED:
            return self.track.failed > 0
        return self.topic in BAD or (self.topic is Topic.STEP_FINISHED and bool(self.groups))


def message_id(seq: int, topic: Topic) -> str:
    return f"{seq}-{topic}"
