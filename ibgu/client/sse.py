"""Parses server-sent events: lines of a stream to messages."""

from collections.abc import Iterable, Iterator

from msgspec import Struct


class SseMessage(Struct, frozen=True):
    id: str
    """The id of this message, or of the last one before that had one."""
    event: str
    data: str


def messages(lines: Iterable[str]) -> Iterator[SseMessage]:
    """Yields whole messages only, without truncated ones and comments (heartbeats)."""
    last, event, data = "", "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield SseMessage(last, event, "\n".join(data))
            event, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "id":
                last = value
            case "event":
                event = value
            case "data":
                data.append(value)
            case _:
                continue
