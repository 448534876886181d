"""Faults of labels, annotations and names that the API server rejects."""

import re
from collections.abc import Iterator

from ibgu.core.model.document import Document, shown
from ibgu.core.text.label_syntax import is_label_key, is_label_value

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_NAME = 253

Fault = tuple[tuple[str, ...], str]
"""The field's path, and what is wrong."""


def is_object_name(name: str) -> bool:
    """Returns whether an object can have the name, if its kind has no rule of its own."""
    return len(name) <= _MAX_NAME and _NAME.fullmatch(name) is not None


def metadata_faults(document: Document, besides: str) -> Iterator[Fault]:
    """Yields the faults of labels and annotations, without those of the annotation `besides`."""
    labels, annotations = (document.get("metadata", each) for each in ("labels", "annotations"))
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if words := _key_fault(key) or _text_fault(value) or _label_fault(value):
            yield ("metadata", "labels", key), words
    for key, value in annotations.items() if isinstance(annotations, dict) else ():
        if key != besides and (words := _key_fault(key.lower()) or _text_fault(value)):
            yield ("metadata", "annotations", key), words


def _key_fault(key: str) -> str:
    return "" if is_label_key(key) else "isn't a valid key"


def _text_fault(value: object) -> str:
    return "" if isinstance(value, str) else "must be a string: put the value in quotes"


def _label_fault(value: object) -> str:
    valid = is_label_value(str(value))
    return "" if valid else f"{shown(value)!r} isn't a valid value of a label"
