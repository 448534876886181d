"""Says in the words of the commands what the REST API refuses: it names fields of its own."""

import re
from collections.abc import Iterator

from ibgu.client import RestError

_INPUTS = (
    (r"label", "--selector"),
    (r"labels(?:\.(?P<number>\d+))?", "--by"),
    (r"(?:append\.\d+\.)?timeout", "--timeout"),
    (r"(?:append\.\d+\.)?maxConcurrency", "--max-concurrency"),
    (r"append(?:\.(?P<number>\d+))?(?:\.actions.*)?", "--append"),
    (r"(?P<name>why|reason|cause|step|namespace|rollout)", "--{name}"),
    (r"actions(?:\.(?P<number>\d+))?", "ACTION"),
    (r"clusters(?:\.(?P<number>\d+))?|cluster", "CLUSTER"),
    (r"name", "the name"),
    (r"prefix", "PREFIX"),
    (r"manifest", "the manifest"),
    (r"manifest\.(?P<name>.+)", "{name} of the manifest"),
)
"""Patterns of the API's fields, and the commands' inputs. A number counts from 0."""

_WHAT_TO_DO = {"some-wait": "; --if-waiting skips those that wait"}
"""What the commands add to a problem, by its code."""


def in_words(error: RestError) -> str:
    if not error.inputs:
        return f"{error}{_WHAT_TO_DO.get(error.code, '')}"
    return "; ".join(dict.fromkeys(_input_problems(error)))


def _input_problems(error: RestError) -> Iterator[str]:
    for each in error.inputs:
        yield f"{_input(each.field)}: {each.message}"


def _input(field: str) -> str:
    for pattern, name in _INPUTS:
        if found := re.fullmatch(pattern, field):
            given = found.groupdict()
            words = name.format(name=given.get("name"))
            number = given.get("number")
            return words if number is None else f"{words} {int(number) + 1}"
    return field
