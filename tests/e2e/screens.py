"""The numbers that page, commands, REST and kubectl show of a rollout, under common names."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.e2e.moments import SOME, Numbers, of_counts, together

COLUMNS = ("phase", "step", "succeeded", "failed", "total", "running", "waiting")
"""Of `kubectl get ibgu -o wide`, behind the name."""
STATES = {
    "waiting": {"waiting", "probing", "held"},
    "running": {"running", "rebooting", "taken over", "takenOver"},
    "succeeded": {"succeeded"},
    "failed": {"failed"},
    "skipped": {"skipped"},
    "cancelled": {"cancelled"},
}
"""Which words for one cluster are counted as one."""
_FACTS = re.compile(
    r"(?P<succeeded>\d+) of (?P<total>\d+) clusters done.*?(?P<failed>\d+) failed"
    r".*?step (?P<step>\d+) of",
    re.DOTALL,
)
_STEPS_FACTS = {"running": r"(\d+) (?:of \d+ slots used|in flight)", "waiting": r"(\d+) wait\b"}


def of_row(text: str) -> Numbers:
    """Returns the numbers of kubectl's row; empty as long as nothing is counted: it leaves such
    columns out."""
    cells = text.split()[1:]
    if len(cells) <= len(COLUMNS):
        return {}
    return {
        name: cell if name == "phase" else int(cell)
        for name, cell in zip(COLUMNS, cells, strict=False)
    }


def of_rollout(found: Mapping[str, Any], of: str = "") -> Numbers:
    """Returns the numbers of REST's rollout. `of`: the clusters whose counts it has."""
    current = found["current"]
    if not current:
        return {}
    step = current["step"]
    return together(
        {"phase": str(found["phase"]), "step": step},
        of_counts(found["counts"], of),
        of_counts(current["counts"], f"{of}{step}."),
    )


def of_status(found: Mapping[str, Any], of: str = "") -> Numbers:
    """Returns the numbers of `ibgu status -o json`."""
    if not found["rollout"]["current"]:
        return {}
    failures = {f"{of}failures": found["failures"]["total"]}
    return together(of_rollout(found["rollout"], of), _steps(found["steps"], of), failures)


def of_tree(found: Mapping[str, Any]) -> Numbers:
    """Returns the numbers of `ibgu tree -o json`: its groups are all clusters of a step."""
    grouped = {
        f"{step['step']}.total": sum(group["count"] for group in step["groups"])
        for step in found["steps"]
        if step["groups"]
    }
    return together(of_rollout(found["rollout"]), _steps(found["steps"], ""), grouped)


def of_view(found: Mapping[str, Any]) -> Numbers:
    """Returns the numbers of REST's answer with a label, which a page draws from."""
    grid, selected, last = found["grid"], found["selected"], found["timeline"]["points"][-1:]
    if selected is None:
        return {}
    of = f"{grid['step']}."
    some = [word for word, chosen in zip(grid["states"], found["labelled"], strict=True) if chosen]
    return together(
        of_rollout(found["rollout"]),
        _steps(found["steps"], ""),
        _words(Counter(grid["states"]), of),
        of_counts(selected["counts"], SOME),
        _steps(selected["steps"], SOME),
        _words(Counter(some), f"{SOME}{of}"),
        {f"{SOME}{of}failed": found["failures"]["total"]},
        *({f"{SOME}{of}{name}": each[name] for name in ("succeeded", "failed")} for each in last),
    )


def of_page(seen: Mapping[str, Any], of: str = "") -> Numbers:
    """Returns the numbers of what `test_numbers.READ` has read; `of`: the clusters that the filter
    leaves in."""
    facts = _FACTS.search(seen["facts"])
    if facts is None:
        return {}
    whole = {f"{of}{name}": int(number) for name, number in facts.groupdict().items()}
    step = whole.pop(f"{of}step")
    cards = [
        of_counts(_with_zeros(card), f"{of}{number}.")
        for number, card in enumerate(seen["steps"][:step], start=1)
    ]
    told = {
        f"{of}{step}.{name}": int(match[1])
        for name, pattern in _STEPS_FACTS.items()
        if (match := re.search(pattern, seen["facts"]))
    }
    phase = "".join(word.capitalize() for word in seen["phase"].split())
    return together({"phase": phase, "step": step}, whole, told, *cards, *_grid(seen, step, of))


def of_bar(label: str, troubles: str) -> Numbers:
    """Returns the numbers of a row in the page's list of rollouts."""
    counts = {name: int(number) for number, name in re.findall(r"(\d+) (\w+)", label)}
    failed = re.search(r"(\d+) failed", troubles)
    return together(counts, {"failed": int(failed[1]) if failed else 0}) if counts else {}


def _grid(seen: Mapping[str, Any], step: int, of: str) -> Iterable[Numbers]:
    """Legend, heading and failures, where the clusters of the newest step are shown."""
    if not seen["legend"]:
        return
    legend = {word: int(number) for word, number in (e.rsplit(" ", 1) for e in seen["legend"])}
    yield _words(legend, f"{of}{step}.")
    failures = re.search(r"\d+", seen["failures"])
    yield {f"{of}{step}.failed": int(failures[0]) if failures else 0}
    numbers = [int(number) for number in re.findall(r"\d+", seen["clusters"])]
    yield dict(zip([f"{SOME}{step}.total", f"{step}.total"][-len(numbers) :], numbers, strict=True))


def _steps(steps: Sequence[Mapping[str, Any]], of: str) -> Numbers:
    begun = (each for each in steps if each["state"] != "planned")
    return together(*(of_counts(each["counts"], f"{of}{each['step']}.") for each in begun))


def _words(words: Mapping[str, int], of: str) -> Numbers:
    return {
        f"{of}{name}": sum(words.get(word, 0) for word in alike) for name, alike in STATES.items()
    }


def _with_zeros(card: Mapping[str, int]) -> dict[str, int]:
    counts = {name: card.get(name, 0) for name in STATES}
    return counts | {"total": sum(counts.values())}
