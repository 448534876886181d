"""Maps seed images: entries of the catalogue beside what rollouts have used."""

from collections.abc import Iterable

from ibgu.api.failures.mapping import is_specific, known_failure
from ibgu.api.seeds.schemas import (
    SeedCircuitBreakerBody,
    SeedFailureBody,
    SeedImageBody,
    SeedImagesBody,
    SeedOriginBody,
    SeedResultsBody,
)
from ibgu.core.model.seed_image import SeedCircuitBreaker, SeedImage, SeedOrigin, digest
from ibgu.core.text.natural import natural_key
from ibgu.db.views import SeedFailureRow, SeedRow
from ibgu.hub.seeds import Catalogue


def seeds_body(catalogue: Catalogue, used: Iterable[SeedRow]) -> SeedImagesBody:
    rows = {row.seed: row for row in used}
    entries = sorted(catalogue.entries, key=lambda each: natural_key(each.metadata.name))
    known = {digest(each.spec.image) for each in entries}
    others = sorted((row for row in rows.values() if row.seed not in known), key=_first_image)
    return SeedImagesBody(
        installed=catalogue.installed,
        truncated=catalogue.truncated,
        items=[
            *(seed_body(each, rows.get(digest(each.spec.image))) for each in entries),
            *map(_without_entry, others),
        ],
    )


def seed_body(found: SeedImage, row: SeedRow | None) -> SeedImageBody:
    spec = found.spec
    return SeedImageBody(
        name=found.metadata.name,
        image=spec.image,
        release=spec.release,
        profile=spec.profile,
        cluster_labels=spec.cluster_labels,
        generated_from=_origin(spec.generated_from),
        circuit_breaker=_circuit_breaker(spec.circuit_breaker),
        results=_results(row),
    )


def _without_entry(row: SeedRow) -> SeedImageBody:
    return SeedImageBody(
        name=None,
        image=_first_image(row),
        release=row.releases[0] if row.releases else "",
        profile={},
        cluster_labels={},
        generated_from=_origin(SeedOrigin()),
        circuit_breaker=None,
        results=_results(row),
    )


def _first_image(row: SeedRow) -> str:
    return row.images[0]


def _origin(found: SeedOrigin) -> SeedOriginBody:
    return SeedOriginBody(
        cluster=found.cluster,
        lifecycle_agent=found.lifecycle_agent,
        oadp=found.oadp,
        time=found.time,
    )


def _circuit_breaker(found: SeedCircuitBreaker | None) -> SeedCircuitBreakerBody | None:
    if found is None:
        return None
    return SeedCircuitBreakerBody(
        same_cause=found.same_cause or None,
        percent=found.percent or None,
        minimum_upgrades=found.minimum_upgrades,
        window_minutes=found.window_minutes,
    )


def _results(row: SeedRow | None) -> SeedResultsBody:
    if row is None:
        return SeedResultsBody(
            rollouts=0,
            counted=0,
            images=[],
            releases=[],
            held=0,
            upgraded=0,
            rolled_back=0,
            failed=0,
            failures=[],
        )
    failures = _failures(row.failures)
    return SeedResultsBody(
        rollouts=row.rollouts,
        counted=row.counted,
        images=list(row.images),
        releases=list(row.releases),
        held=row.held,
        upgraded=row.upgraded,
        rolled_back=row.rolled_back,
        failed=sum(each.count for each in failures),
        failures=failures,
    )


def _failures(rows: Iterable[SeedFailureRow]) -> list[SeedFailureBody]:
    """Groups failures by what is known of them; `rows`: the most frequent message first."""
    groups: dict[tuple[object, ...], list[SeedFailureRow]] = {}
    names: dict[tuple[object, ...], str | None] = {}
    for row in rows:
        known = known_failure(row.action, row.message)
        key = (row.action, row.cause, known and known.name)
        groups.setdefault(key, []).append(row)
        names[key] = known.name if known else None
    found = [
        SeedFailureBody(
            action=its[0].action,
            failure=names[key],
            cause=its[0].cause,
            specific=names[key] is not None or is_specific(its[0].cause),
            message=its[0].message,
            count=sum(row.count for row in its),
        )
        for key, its in groups.items()
    ]
    return sorted(found, key=lambda each: -each.count)
