"""`make fuzz MINUTES=n`: the hub's edge under coverage-guided noise.

Only HubError may come out of the parsers; what gets through them must not stop the controller.
A finding is kept as a file, and named; `python -m tests.security.fuzz_parsers FILE` replays it.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["ibgu"]):
    from ibgu.core.drivers.ibu import IBU
    from ibgu.core.engine.works import view_work
    from ibgu.core.model.kinds import ManagedCluster, ManifestWork, RolloutObject
    from ibgu.core.model.shown import view_cluster
    from ibgu.core.plan import problem, problem_of
    from ibgu.hub.decode import ListPage, decode_page
    from ibgu.hub.errors import HubError, read_error
    from ibgu.hub.lenient import repaired
    from ibgu.hub.watching.watch import Upsert, read_event

from tests.security.garbage import SAMPLES

KINDS = list(SAMPLES)
CORPUS = Path(".artifacts/fuzz")


def one(data: bytes) -> None:
    """The first byte says what the rest is read as."""
    if not data:
        return
    kind, rest = KINDS[data[0] % len(KINDS)], data[1:]
    with suppress(HubError):
        event = read_event("/path", rest, kind, lambda bad: None)
        if isinstance(event, Upsert):
            _look_at(event.obj)
    with suppress(HubError):
        page: ListPage[Any] = decode_page("/path", rest, kind, lambda bad: None)
        for obj in page.items or ():
            _look_at(obj)
    read_error(500, "phrase", rest, None, method="GET", path="/path")
    repaired(rest)


def _look_at(obj: object) -> None:
    match obj:
        case ManifestWork():
            view_work(IBU, obj)
        case ManagedCluster():
            view_cluster(obj)
        case RolloutObject():
            problem(obj.spec.plan, [])
            problem_of(obj.spec.cluster_label_selectors)


def _seeds() -> None:
    CORPUS.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(SAMPLES.values()):
        event = {"type": "ADDED", "object": sample}
        page = {"metadata": {"resourceVersion": "1"}, "items": [sample]}
        for name, value in (("event", event), ("page", page)):
            seed = bytes([number]) + json.dumps(value).encode()
            (CORPUS / f"{name}-{number}").write_bytes(seed)


def main() -> None:
    if len(sys.argv) > 1:
        arguments = sys.argv[1:]
    else:
        _seeds()
        seconds = round(float(os.environ.get("MINUTES", "5")) * 60)
        prefix = f"-artifact_prefix={CORPUS.parent}/"
        arguments = [str(CORPUS), f"-max_total_time={seconds}", "-max_len=8192", prefix]
    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
