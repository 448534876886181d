"""The numbers that each surface shows of a rollout, under common names."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import json
from prometheus_client.parser import text_string_to_metric_families as families

from ibgu.client.responses import EventResponse
from ibgu.core.model.counts import progress_of
from ibgu.db.views import EventRow
from tests.client.generator.naming import snake
from tests.e2e.moments import FIELDS, SOME, Numbers, latest, of_counts, together

COLUMNS = ("phase", "step", "succeeded", "failed", "total", "running", "waiting")
"""The columns of `kubectl get ibgu -o wide`, behind the name."""
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
    r"(?P<succeeded>\d+) of (?P<total>\d+) clusters? done.*?(?P<failed>\d+) failed"
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


def of_members(items: Iterable[Mapping[str, Any]]) -> Numbers:
    """Returns the numbers of a rollout's members, all of them."""
    counts: dict[int, Counter[str]] = {}
    for each in items:
        of_step = counts.setdefault(each["step"], Counter(dict.fromkeys(FIELDS.values(), 0)))
        of_step[FIELDS[progress_of(each["state"], each["outcome"], each["late"])]] += 1
        of_step["total"] += 1
    return together(*(of_counts(each, f"{step}.") for step, each in counts.items()))


def of_events(lines: str, some: Collection[str]) -> Numbers:
    """Returns the numbers that `ibgu events --verbose -o json` leads to; `some`: the clusters that
    the label chooses."""
    told = (json.decode(line, type=EventResponse) for line in lines.splitlines())
    return latest(map(_row, told), some)


def _row(told: EventResponse) -> EventRow:
    return EventRow(
        **{name: getattr(told, name) for name in _OF_EVENT},
        step=None if told.step is None else told.step - 1,
        cluster_uid=None,
        data={snake(name): value for name, value in told.data.items()},
    )


_OF_EVENT = ("seq", "at", "rollout", "cluster", "run", "kind", "why", "cause", "warning", "actor")


def of_metrics(text: str, rollout: str) -> Numbers:
    """Returns the numbers of the metrics that name a rollout: of all others only the lines are
    looked at, as to parse them takes seconds on a slow machine."""
    lines = [line for line in text.splitlines() if f'rollout="{rollout}"' in line]
    samples = [
        sample
        for family in families("\n".join([*lines, ""]))
        for sample in family.samples
        if sample.labels.get("rollout") == rollout
    ]
    clusters, words = Counter[str](), dict[str, Counter[str]]()
    for each in samples:
        if each.name == "ibgu_rollout_clusters":
            clusters[each.labels["state"]] = int(each.value)
        if each.name == "ibgu_rollout_members":
            of_step = words.setdefault(f"{each.labels['step']}.", Counter())
            of_step[each.labels["state"]] = int(each.value)
    if not clusters:
        return {}
    total = {"total": clusters.total()}
    return together(clusters, total, *(_words(each, step) for step, each in words.items()))


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
