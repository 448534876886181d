"""The places that secrets are met in."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from hypothesis import strategies as st

CALM = st.sampled_from(
    ["", "pull failed: ", "x " * 40, "Prep: it said (", "error: ", "\n", "a: b\n", "site-1, "]
)
AFTER = st.sampled_from(["", " ", "\nnext line", " and more", ", then nothing"])

Place = Callable[[str], Any]


def _in_object(**spec: Any) -> dict[str, Any]:
    return {"kind": "ManagedCluster", "metadata": {"name": "site-1"}, **spec}


def _in_feedback(text: str) -> dict[str, Any]:
    value = {"name": "progress", "fieldValue": {"type": "String", "string": text}}
    return _in_object(status={"statusFeedback": {"values": [value]}})


def _in_raw_feedback(text: str) -> dict[str, Any]:
    raw = json.dumps({"conditions": [{"type": "x", "message": text}]})
    value = {"name": "conditions", "fieldValue": {"type": "JsonRaw", "jsonRaw": raw}}
    return _in_object(status={"statusFeedback": {"values": [value]}})


def _deep(text: str) -> dict[str, Any]:
    value: Any = text
    for level in range(20):
        value = [value] if level % 2 else {"inner": value}
    return _in_object(status=value)


PLACES: dict[str, Place] = {
    "condition": lambda text: _in_object(status={"conditions": [{"message": text}]}),
    "annotation": lambda text: _in_object(metadata={"annotations": {"note": text}}),
    "own annotation": lambda text: _in_object(metadata={"annotations": {"ibgu.dev/pause": text}}),
    "label": lambda text: _in_object(metadata={"labels": {"note": text}}),
    "environment": lambda text: _in_object(spec={"env": [{"name": "NOTE", "value": text}]}),
    "feedback": _in_feedback,
    "feedback in JSON": _in_raw_feedback,
    "claim": lambda text: _in_object(
        status={"clusterClaims": [{"name": "version.openshift.io", "value": text}]}
    ),
    "event": lambda text: {"kind": "Event", "note": text, "regarding": {"name": "ran-1"}},
    "member": lambda text: {"cluster": "site-1", "message": text, "reason": {"message": text}},
    "nested": _deep,
    "a key": lambda text: _in_object(status={text: 1}),
    "JSON in a text": lambda text: _in_object(note=json.dumps({"message": text})),
    "JSON in JSON": lambda text: _in_object(note=json.dumps({"a": json.dumps({"b": text})})),
    "JSON after words": lambda text: _in_object(note=f"said {json.dumps({'message': text})}"),
    "JSON in JSON after words": lambda text: _in_object(
        note=f"said {json.dumps({'message': json.dumps({'inner': text})})} twice"
    ),
    "YAML in a text": lambda text: _in_object(note=yaml.safe_dump({"a": [{"message": text}]})),
}


def leaks(secret: str, text: str) -> bool:
    """Whether a piece of it is there that would be worth something: eight characters of it."""
    return any(piece in text for piece in _pieces(secret))


def _pieces(secret: str) -> Iterator[str]:
    for start in range(max(1, len(secret) - 7)):
        yield secret[start : start + 8]
