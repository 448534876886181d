"""One rollout as a screen shows it, and the tag of that: by everything in it but its time."""

from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from ibgu.api.schemas.base import Body
from ibgu.api.shape.failures import failures_body
from ibgu.api.shape.rollouts import rollout_body, step_bodies
from ibgu.api.shape.step import grid, timeline
from ibgu.core.forecast import Paces
from ibgu.core.status import kept_by
from ibgu.db.views import ViewRow


class Shown(Struct, frozen=True):
    body: bytes
    tag: str


def shown(row: ViewRow, paces: Paces, intervals: int) -> Shown:
    content = msgspec.json.encode(_content(row, paces, intervals))
    now = msgspec.json.encode(row.grid.now)
    return Shown(
        b'{"now":' + now + b"," + content.removeprefix(b"{"),
        f'"{blake2b(content, digest_size=12).hexdigest()}"',
    )


def _content(row: ViewRow, paces: Paces, intervals: int) -> dict[str, Any]:
    rollout = row.rollout.rollout
    newest = row.rollout.current.step if row.rollout.current else None
    number = row.step.index + 1 if row.step else None
    cells = grid(number, row.grid, kept_by(rollout, newest), paces)
    labelled = None
    if row.labelled is not None:
        labelled = [cluster in row.labelled for cluster in cells.clusters]
    return {
        "seq": row.grid.seq,
        "rollout": _plain(rollout_body(row.rollout, paces)),
        "steps": [_plain(each) for each in step_bodies(rollout, row.steps, paces)],
        "grid": cells,
        "labelled": labelled,
        "failures": _plain(failures_body(row.failed)),
        "timeline": timeline(row.course, intervals),
    }


def _plain(body: Body) -> dict[str, Any]:
    return body.model_dump(mode="json", by_alias=True)
