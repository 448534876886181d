"""Maps one rollout as a screen shows it, with a tag of everything in it but its time."""

from collections.abc import Collection, Iterable
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from ibgu.api.bodies import Body
from ibgu.api.failures.mapping import failures_body
from ibgu.api.rollouts.mapping import counts_body, rollout_body, step_bodies
from ibgu.api.step.mapping import grid, timeline
from ibgu.api.view.schemas import SelectedBody, StalledClusterBody
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import Rollout, RolloutState
from ibgu.core.views.forecast import stalled
from ibgu.core.views.status import kept_by
from ibgu.db.reads import NAMED
from ibgu.db.views import GridRow, SelectedRow, ViewRow


class RenderedView(Struct, frozen=True):
    body: bytes
    tag: str


def shown(row: ViewRow, duration_stats: DurationsByAction, intervals: int) -> RenderedView:
    content = msgspec.json.encode(_content(row, duration_stats, intervals))
    now = msgspec.json.encode(row.grid.now)
    return RenderedView(
        b'{"now":' + now + b"," + content.removeprefix(b"{"),
        f'"{blake2b(content, digest_size=12).hexdigest()}"',
    )


def _content(row: ViewRow, duration_stats: DurationsByAction, intervals: int) -> dict[str, Any]:
    rollout = row.rollout.rollout
    newest = row.rollout.current.step if row.rollout.current else None
    number = row.step.index + 1 if row.step else None
    followed = rollout.state is not RolloutState.DELETED
    hold = kept_by(rollout, newest)
    cells = grid(number, row.grid, hold, duration_stats, followed=followed)
    chosen = row.selected.clusters if row.selected else None
    return {
        "seq": row.grid.seq,
        "rollout": _plain(rollout_body(row.rollout, duration_stats)),
        "steps": [_plain(each) for each in step_bodies(rollout, row.steps, duration_stats)],
        "reports": [
            {
                "step": each.step + 1,
                "warned": each.warned,
                "rollback": each.rollback if followed else 0,
            }
            for each in row.reports
        ],
        "grid": cells,
        "labelled": None if chosen is None else [name in chosen for name in cells.clusters],
        "selected": _plain(_selected(rollout, row.selected, duration_stats))
        if row.selected
        else None,
        "failures": _plain(failures_body(row.failed, rollout.namespace, rollout.name)),
        "stalled": [_plain(each) for each in _stalled(row.grid, duration_stats, chosen)],
        "timeline": timeline(row.course, intervals),
    }


def _selected(
    rollout: Rollout, row: SelectedRow, duration_stats: DurationsByAction
) -> SelectedBody:
    """Maps the selected clusters; forecasts are about all clusters."""
    steps = step_bodies(rollout, row.steps, duration_stats)
    return SelectedBody(
        counts=counts_body(row.counts),
        steps=[each.model_copy(update={"eta": None}) for each in steps],
    )


def _stalled(
    row: GridRow, duration_stats: DurationsByAction, chosen: Collection[str] | None
) -> Iterable[StalledClusterBody]:
    found = [
        StalledClusterBody(
            cluster=each.cluster,
            action=each.action,
            reason=each.kind,
            since=slow.since,
            usual=slow.usual,
        )
        for each in row.flights
        if each.action and (slow := stalled(each.action, each.began, row.now, duration_stats))
        if chosen is None or each.cluster in chosen
    ]
    return sorted(found, key=lambda each: (each.since, each.cluster))[:NAMED]


def _plain(body: Body) -> dict[str, Any]:
    return body.model_dump(mode="json", by_alias=True)
