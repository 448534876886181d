"""Chats call people by what stands in a text: nobody is called by a cluster's words."""

import re

_MENTION = re.compile(r"(?<!\w)@(?=\w)")
"""Not in `registry/image@sha256:…`."""
_TAG = re.compile(r"<(?=[!@#])")
"""Slack's notation, which Alertmanager passes on as it is."""


def unmentioned(text: str) -> str:
    """Return the text without mentions (`@channel`, `<!here>`) or links that hide their aim."""
    text = _MENTION.sub("\N{FULLWIDTH COMMERCIAL AT}", text)
    return _TAG.sub("\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", text).replace("](", "] (")
