"""Parses label selectors as kubectl takes them: `a=b,c!=d,e in (x,y),f,!g`."""

import re
from collections import deque
from collections.abc import Iterator

from ibgu.core.model.kinds import LabelRequirement, LabelSelector
from ibgu.core.plan.selectors import selector_faults

_TOKEN = re.compile(r"\s*(==|!=|[=!(),]|[^\s=!(),]+)")
_SIGNS = frozenset(("==", "!=", "=", "!", "(", ")", ","))
_FORMS = "write it like a=b,c!=d,e in (x,y),f notin (z),g,!h"

Tokens = deque[str]


def parse_selector(text: str) -> LabelSelector:
    """Parses the selector. Raises ValueError with a sentence for a person."""
    tokens = deque(_tokens(text))
    requirements = [_requirement(tokens)]
    while tokens:
        _expect(tokens, ",")
        requirements.append(_requirement(tokens))
    selector = LabelSelector(match_expressions=requirements)
    for fault in selector_faults(selector):
        raise ValueError(fault.partition(": ")[2])
    return selector


def _tokens(text: str) -> Iterator[str]:
    return (found.group(1) for found in _TOKEN.finditer(text))


def _requirement(tokens: Tokens) -> LabelRequirement:
    if tokens and tokens[0] == "!":
        tokens.popleft()
        return LabelRequirement(_word(tokens, "a label's key"), "DoesNotExist")
    key = _word(tokens, "a label's key")
    if not tokens or tokens[0] == ",":
        return LabelRequirement(key, "Exists")
    match tokens.popleft():
        case "=" | "==":
            return LabelRequirement(key, "In", [_value(tokens)])
        case "!=":
            return LabelRequirement(key, "NotIn", [_value(tokens)])
        case "in":
            return LabelRequirement(key, "In", _values(tokens))
        case "notin":
            return LabelRequirement(key, "NotIn", _values(tokens))
        case other:
            raise _wrong(f'"{other}" after "{key}"')


def _values(tokens: Tokens) -> list[str]:
    _expect(tokens, "(")
    values = [_value(tokens)]
    while tokens and tokens[0] == ",":
        tokens.popleft()
        values.append(_value(tokens))
    _expect(tokens, ")")
    return values


def _value(tokens: Tokens) -> str:
    """Parses a value, which may be empty."""
    return tokens.popleft() if tokens and tokens[0] not in _SIGNS else ""


def _word(tokens: Tokens, what: str) -> str:
    found = tokens.popleft() if tokens else ""
    if not found or found in _SIGNS:
        raise _wrong(f'"{found}" instead of {what}' if found else f"{what} is missing")
    return found


def _expect(tokens: Tokens, sign: str) -> None:
    found = tokens.popleft() if tokens else ""
    if found != sign:
        raise _wrong(f'"{found}" instead of "{sign}"' if found else f'"{sign}" is missing')


def _wrong(what: str) -> ValueError:
    return ValueError(f"{what}: {_FORMS}")
