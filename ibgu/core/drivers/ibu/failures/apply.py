"""Classifies why the work agent could not apply a manifest (R10.2, R10.3).

Messages are those of the cluster's API server behind the agent's own prefix; both vary by version,
so only substrings count.
"""

import re
from enum import StrEnum


class ApplyError(StrEnum):
    REFUSED_TRANSITION = "refused transition"
    """The IBU's validNextStages lack the stage."""
    REFUSED_SPEC = "refused spec"
    """A field may not change in this state of the IBU; `refused_field` names it."""
    ABSENT = "absent"
    """The cluster has no such CRD, or no IBU (a disarmed work can't create one)."""
    HEALING = "healing"
    """The agent's own retries end it: rights that arrive in a moment, a namespace, the API."""
    OTHER = "other"
    """Unknown; the agent keeps trying, so ibgu waits and shows the message."""


_FIELD = re.compile(r"can not change spec\.(\w+)")

# A change of the spec may be refused together with the transition, and is worse: no next stage
# resolves it.
_SIGNS: tuple[tuple[ApplyError, re.Pattern[str]], ...] = (
    (ApplyError.REFUSED_SPEC, _FIELD),
    (ApplyError.REFUSED_TRANSITION, re.compile(r"stage transition is not permitted")),
    (
        ApplyError.ABSENT,
        re.compile(
            r"(have a resource type|no matches for kind) \W*ImageBasedUpgrade"
            r"|Unsupported value: \W*Disarmed"
            r"|imagebasedupgrades\S* \W*upgrade\W* not found",
            re.IGNORECASE,
        ),
    ),
    (
        ApplyError.HEALING,
        re.compile(
            r"forbidden|not allowed to apply|namespaces? \S+ not found|is being terminated"
            r"|connection refused|connection reset|timeout|timed out|deadline exceeded|\bEOF\b"
            r"|etcdserver|internal error|service unavailable|currently unable"
            r"|too many requests|object has been modified|TLS handshake|no route to host",
            re.IGNORECASE,
        ),
    ),
)


def classify(message: str) -> ApplyError:
    """Classifies a message that is not empty: see `WorkView.apply_error`."""
    found = (error for error, sign in _SIGNS if sign.search(message))
    return next(found, ApplyError.OTHER)


def refused_field(message: str) -> str:
    """Returns the field of the IBU's spec ("seedImageRef") that may not change; "" if none is
    named."""
    found = _FIELD.search(message)
    return found[1] if found else ""
