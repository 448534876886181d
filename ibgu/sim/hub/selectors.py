"""Label selectors as a list or watch takes them: equality and existence."""

from collections.abc import Callable, Mapping

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
