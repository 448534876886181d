"""Formats messages for Slack's incoming webhooks; Mattermost and Rocket.Chat accept the same."""

import re

import msgspec

from ibgu.core.notify import messages as words
from ibgu.core.notify.memory import FailureGroup
from ibgu.core.notify.mentions import unmentioned
from ibgu.core.notify.message import Message
from ibgu.core.notify.topics import Topic

LONGEST = 3500
"""Characters of a message: Slack cuts a text at 4,000."""
_MARKUP = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "*": "\N{ASTERISK OPERATOR}",
    "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
    "~": "\N{TILDE OPERATOR}",
}
"""Characters that are markup anywhere; the first three have a notation of their own."""
_EMPHASIS = re.compile(r"(?<!\w)_|_(?!\w)")
"""Underscores that are markup: one within a name is not."""
_LOW_LINE = "\N{MODIFIER LETTER LOW MACRON}"
_SYMBOLS = {
    Topic.ROLLOUT_HELD: "⏸",
    Topic.STEP_HELD: "⏸",
    Topic.STEP_CIRCUIT_BREAKER: "⏸",
    Topic.ROLLOUT_STALLED: "◷",
    Topic.CLUSTERS_FAILED: "✗",
    Topic.STEP_FINISHED: "✔",
    Topic.ROLLOUT_COMPLETED: "✔",
    Topic.ROLLOUT_DELETED: "■",
}


def slack(message: Message, link: str) -> bytes:
    name = escaped(message.track.full_name)
    title = f"<{link}|{name}>" if link else f"*{name}*"
    lines = [f"{_symbol(message)} {title} {escaped(message.text)}"]
    if message.topic is Topic.CLUSTERS_FAILED:
        lines += _details(message.groups[0])
    else:
        lines += [f"• {escaped(words.failed(group))}" for group in message.groups]
    if message.hold and message.hold.who == "person":
        lines.append("→ a person must act")
    text = "\n".join(lines)
    return msgspec.json.encode({"text": text if len(text) <= LONGEST else f"{text[:LONGEST]}…"})


def escaped(text: str) -> str:
    """Returns the text as Slack and Mattermost show it, without any markup taking effect."""
    for sign, shown in _MARKUP.items():
        text = text.replace(sign, shown)
    return _EMPHASIS.sub(_LOW_LINE, unmentioned(text))


def _symbol(message: Message) -> str:
    finished = message.topic in (Topic.STEP_FINISHED, Topic.ROLLOUT_COMPLETED)
    return "✗" if finished and message.bad else _SYMBOLS.get(message.topic, "▶")


def _details(group: FailureGroup) -> list[str]:
    more = ", …" if group.count > len(group.clusters) else ""
    lines = [f"• {escaped(', '.join(group.clusters))}{more}"]
    return [*lines, f"→ {escaped(group.remedy)}"] if group.remedy else lines
