"""Phrases the rules of inputs for a person: the words of pydantic and msgspec are for the author of
the model."""

from collections.abc import Mapping
from typing import Any

NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
PREFIX_OR_NONE = r"^$|^[a-z0-9][-a-z0-9.]*$"
UID = "^[-a-zA-Z0-9]+$"
CAUSE = "^[A-Za-z]{1,64}$"
LABEL = r"^([a-z0-9.-]+/)?[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$"
POINT = "^[A-Z][A-Za-z]*$"
LINE = r"^\S[^\x00-\x1f\x7f]*$"

_LETTERS = "lowercase letters, digits, hyphens and dots"
_LABEL = (
    "must be the name of a label: letters, digits, hyphens, dots and underscores, after an "
    "optional prefix and a slash"
)
_PATTERNS = {
    NAME: f"must be a name: {_LETTERS}, with a letter or digit at both ends",
    PREFIX_OR_NONE: f"must be the beginning of a name: {_LETTERS}, a letter or digit first",
    UID: "must be a UID: letters, digits and hyphens",
    CAUSE: "must be a cause: 1 to 64 letters",
    LABEL: _LABEL,
    POINT: "must be Step, Rest or the name of an action, such as FinalizeUpgrade",
    LINE: "must be one line that does not begin with a space",
}
_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_BOOLEAN = "must be true or false"
_OBJECT = "must be an object"
_RULES = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this request",
    "json_invalid": "is not JSON",
    "string_type": "must be a text",
    "string_unicode": "must be UTF-8 text",
    "string_too_short": "needs at least {min_length} characters",
    "string_too_long": "is too long: at most {max_length} characters",
    "list_type": "must be a list",
    "too_short": "needs at least {min_length} entries",
    "too_long": "has too many entries: at most {max_length}",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "is too large a number",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "value_error": "{error}",
}
"""Phrases by pydantic's type of error, with its context."""


def broken(error: Mapping[str, Any]) -> str:
    """Returns the rule that an input breaks, of a ValidationError's `errors()`. What was sent is
    not quoted: it may be anything."""
    context = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        return _PATTERNS[context["pattern"]]
    return _RULES.get(error["type"], "can't be used").format(**context)
