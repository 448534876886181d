"""Encodes messages as CloudEvents 1.0 in structured JSON mode."""

from datetime import datetime

import msgspec
from msgspec import Struct

from ibgu.core.model.topics import Topic
from ibgu.core.notify.message import Message
from ibgu.core.notify.state import FailureGroup

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
TYPE = "dev.ibgu."


class FailedData(Struct, frozen=True, kw_only=True, rename="camel"):
    step: int
    action: str
    failure: str
    count: int
    clusters: tuple[str, ...]
    words: str
    remedy: str


class HeldData(Struct, frozen=True, kw_only=True, rename="camel"):
    reason: str
    message: str
    who: str
    since: datetime


class Data(Struct, frozen=True, kw_only=True, rename="camel"):
    """The event's data. Names and words as in the REST API; steps count from 1."""

    kind: Topic
    text: str
    namespace: str
    name: str
    uid: str
    step: int | None
    actions: tuple[str, ...]
    total: int
    outcomes: dict[str, int]
    hold: HeldData | None
    failures: tuple[FailedData, ...]
    actor: str
    link: str | None


class Envelope(Struct, frozen=True, kw_only=True):
    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    sequence: str
    """Always of the same length: it is ordered as text (extension "sequence")."""
    datacontenttype: str = "application/json"
    data: Data


def source(hub: str) -> str:
    return f"/ibgu/hubs/{hub}"


def cloudevent(message: Message, hub: str, link: str) -> bytes:
    return msgspec.json.encode(
        Envelope(
            id=message.id,
            source=source(hub),
            type=f"{TYPE}{message.topic}",
            subject=message.track.full_name,
            time=message.at,
            sequence=f"{message.seq:020}",
            data=_data(message, link),
        )
    )


def _data(message: Message, link: str) -> Data:
    track, hold = message.track, message.hold
    return Data(
        kind=message.topic,
        text=message.text,
        namespace=track.namespace,
        name=track.name,
        uid=message.rollout,
        step=None if track.step is None else track.step + 1,
        actions=track.actions,
        total=track.total,
        outcomes=track.outcomes,
        hold=None if hold is None else HeldData(**msgspec.structs.asdict(hold)),
        failures=tuple(_failed(group) for group in message.groups),
        actor=message.actor,
        link=link or None,
    )


def _failed(group: FailureGroup) -> FailedData:
    return FailedData(
        step=group.step + 1,
        action=group.action,
        failure=group.failure,
        count=group.count,
        clusters=group.clusters,
        words=group.words,
        remedy=group.remedy,
    )
