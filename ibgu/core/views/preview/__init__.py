"""Previews a plan: which clusters it takes, in which order, and whether the time suffices."""

from ibgu.core.views.preview.build import preview
from ibgu.core.views.preview.model import Enough, Excluded, Preview, Proposal, Running, StepPreview

__all__ = [
    "Enough",
    "Excluded",
    "Preview",
    "Proposal",
    "Running",
    "StepPreview",
    "preview",
]
