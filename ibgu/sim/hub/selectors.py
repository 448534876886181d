"""Implements selectors of a list or watch: equality and existence of labels, and a name."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from ibgu.sim.hub.answers import bad_request
from ibgu.sim.hub.kinds import ResourcePath

Match = Callable[[Mapping[str, str]], bool]


def parse(text: str) -> Match:
    wanted = [_requirement(part.strip()) for part in text.split(",") if part.strip()]
    return lambda labels: all(one(labels) for one in wanted)


def _requirement(text: str) -> Match:
    if text.startswith("!"):
        return lambda labels: text[1:] not in labels
    if "!=" in text:
        key, _, value = text.partition("!=")
        return lambda labels: labels.get(key) != value
    if "=" in text:
        key, _, value = text.replace("==", "=").partition("=")
        return lambda labels: labels.get(key) == value
    return lambda labels: text in labels


def narrowed(target: ResourcePath, query: Mapping[str, str]) -> ResourcePath:
    """Narrows the target to the name in its field selector. Raises RefusedRequest for any other
    field."""
    field, _, name = query.get("fieldSelector", "").replace("==", "=").partition("=")
    if field and field != "metadata.name":
        raise bad_request(f"field label not supported: {field}")
    return replace(target, name=name)
