"""Removes mentions: chats notify people named in a text, which a cluster's message must not do."""

import re

_MENTION = re.compile(r"(?<!\w)@(?=\w)")
"""Matches no digest, as in `registry/image@sha256:…`."""
_TAG = re.compile(r"<(?=[!@#])")
"""Slack's notation, which Alertmanager passes on unchanged."""


def unmentioned(text: str) -> str:
    """Returns the text without mentions (`@channel`, `<!here>`) or links that hide their target."""
    text = _MENTION.sub("\N{FULLWIDTH COMMERCIAL AT}", text)
    return _TAG.sub("\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", text).replace("](", "] (")
