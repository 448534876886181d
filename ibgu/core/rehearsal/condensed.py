"""Runs without what no outlook asks for, so that many of them fit into little memory."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec.structs import replace

from ibgu.core.rehearsal.run import Run
from ibgu.core.rehearsal.step_end import StepEnd

Region: TypeAlias = Callable[[int], str]
"""Returns the value of the label that tells regions apart, for a cluster by its number."""


def condensed(run: Run, region: Region | None) -> Run:
    """Returns the run as its outlook needs it: of each region only the cluster that ends last."""
    return Run([_condensed(step, region) for step in run.steps], run.record)


def _condensed(step: StepEnd, region: Region | None) -> StepEnd:
    ended = {} if region is None else _last(step.ended, region)
    return replace(step, ended=ended, results=(), dark={})


def _last(ended: Mapping[int, float], region: Region) -> dict[int, float]:
    """Returns the cluster of each region that ends last."""
    last: dict[str, tuple[float, int]] = {}
    for cluster, at in ended.items():
        name = region(cluster)
        last[name] = max((at, cluster), last.get(name, (at, cluster)))
    return {cluster: at for at, cluster in last.values()}
