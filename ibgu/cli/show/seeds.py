"""`ibgu seed list` and `ibgu seed show`: seed images and what became of their clusters."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from ibgu.cli.show.failing import cut
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.table import table
from ibgu.client.responses import (
    SeedCandidateResponse,
    SeedCircuitBreakerResponse,
    SeedImageResponse,
    SeedImagesResponse,
)
from ibgu.core.model.seed_image import PROFILE
from ibgu.core.text.counted import counted
from ibgu.core.text.spans import duration

_HEADINGS = ("NAME", "RELEASE", "UPGRADED", "FAILED", "ROLLED BACK", "ROLLOUTS", "PROFILE")
_NOTHING = "-"
_LABEL = 12
"""Characters of the first column of `seed show`."""


def seeds_table(found: Sequence[SeedImageResponse], *, wide: bool) -> list[str]:
    headings = (*_HEADINGS, "IMAGE") if wide else _HEADINGS
    return table(headings, [_row(each, wide=wide) for each in found])


def _row(found: SeedImageResponse, *, wide: bool) -> list[str]:
    results = found.results
    counts = (results.upgraded, results.failed, results.rolled_back, results.rollouts)
    row = [found.name or _NOTHING, found.release or _NOTHING, *map(str, counts), _profile(found)]
    return [*row, found.image] if wide else row


def _profile(found: SeedImageResponse) -> str:
    pairs = sorted(found.profile.items())
    return ",".join(f"{key}={value}" for key, value in pairs) or _NOTHING


def notes(found: SeedImagesResponse) -> Iterator[str]:
    """Yields what the table lacks, and what to do about it."""
    if not found.installed:
        yield (
            "The hub has no catalogue of seed images: apply charts/ibgu/crds/seedimages.yaml of "
            "ibgu's source."
        )
    elif not found.items:
        yield "No seed images found."
    if found.truncated:
        yield "The catalogue has more entries; kubectl get seedimages lists all of them."
    others = [each for each in found.items if not each.name]
    for each in others:
        yield f"Not in the catalogue, but used by {_rollouts(each)}: {each.image}"
    if others and found.installed:
        yield "To describe an image, apply a SeedImage for it: ibgu seed add prints one."


def _rollouts(found: SeedImageResponse) -> str:
    return counted(found.results.rollouts, "rollout")


def seed_lines(found: SeedImageResponse, style: OutputStyle) -> list[str]:
    lines = [f"SeedImage {found.name}"]
    for label, text in _described(found):
        lines += style.under(f"  {label.ljust(_LABEL)}", text)
    for each in found.results.failures:
        known = each.failure or each.cause or "unknown"
        words = cut(" ".join(each.message.split()), 200)
        lines += style.under(f"    {each.count} {each.action} {known}: ", words)
    return lines


def _described(found: SeedImageResponse) -> Iterator[tuple[str, str]]:
    origin, results = found.generated_from, found.results
    yield "image", found.image
    yield "release", found.release
    for key, value in sorted(found.profile.items()):
        label = found.cluster_labels.get(key) or f"{PROFILE}{key}"
        yield "profile", f"{key}={value} (label {label})"
    made = (
        origin.cluster and f"cluster {origin.cluster}",
        origin.lifecycle_agent and f"Lifecycle Agent {origin.lifecycle_agent}",
        origin.oadp and f"OADP {origin.oadp}",
        origin.time,
    )
    if found.circuit_breaker is not None:
        yield "stops at", _limits(found.circuit_breaker)
    yield "made from", ", ".join(filter(None, made)) or _NOTHING
    for image in results.images:
        if image != found.image:
            yield "also as", image
    counts = f"{results.upgraded} upgraded, {results.failed} failed"
    where = _rollouts(found)
    if results.counted < results.rollouts:
        where = f"the newest {results.counted} of {where}"
    yield "results", f"{counts}, {results.rolled_back} rolled back, in {where}"
    if results.held:
        rollouts = counted(results.held, "rollout")
        yield "held", f"{rollouts}, by the circuit breaker of the image (ibgu get, ibgu resume)"


def _limits(found: SeedCircuitBreakerResponse) -> str:
    limits: list[str] = []
    if found.same_cause:
        limits.append(f"{found.same_cause} failed upgrades with one cause")
    if found.percent:
        limits.append(f"{found.percent}% of at least {found.minimum_upgrades} upgrades failed")
    window = duration(timedelta(minutes=found.window_minutes))
    return f"{' or '.join(limits)}, within {window}"


_COLOURS = {"error": "red", "warning": "yellow", "unknown": "cyan", "passed": "green"}


def check_lines(found: SeedCandidateResponse, style: OutputStyle) -> list[str]:
    """Returns what the hub says of a cluster to make a seed from."""
    lines = [f"cluster {found.cluster}"]
    for each in found.checks:
        outcome = style.paint(each.outcome.ljust(8), _COLOURS.get(each.outcome))
        lines.append(f"  {outcome} {each.title}: {each.message}")
        if each.remedy and each.outcome != "passed":
            lines.append(f"           → {each.remedy}")
    return lines
