"""Previews a plan: which clusters it takes, in which order, and whether the time suffices."""

from ibgu.core.views.preview.build import preview
from ibgu.core.views.preview.model import (
    Excluded,
    Preview,
    Proposal,
    RunningStep,
    StepPreview,
    TimeNeeded,
)
from ibgu.core.views.preview.preflight import PreflightInputs, expires, preflight_facts, prepares

__all__ = [
    "Excluded",
    "PreflightInputs",
    "Preview",
    "Proposal",
    "RunningStep",
    "StepPreview",
    "TimeNeeded",
    "expires",
    "preflight_facts",
    "prepares",
    "preview",
]
