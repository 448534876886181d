"""The syntax of labels' keys and values, as Kubernetes has it."""

import re

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PREFIX_LENGTH = 253


def is_label_value(value: str) -> bool:
    """Returns whether a label can have the value."""
    return not value or _NAME.fullmatch(value) is not None


def is_label_key(key: str) -> bool:
    """Returns whether a label or an annotation can have the key; an annotation's in lower case."""
    prefix, slash, name = key.rpartition("/")
    prefix_fits = len(prefix) <= _PREFIX_LENGTH and _PREFIX.fullmatch(prefix)
    return bool(_NAME.fullmatch(name) and (prefix_fits or not slash))
