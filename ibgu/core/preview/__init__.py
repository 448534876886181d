"""What a plan would do, before it does: which clusters, in which order, and is the time enough."""

from ibgu.core.preview.build import preview
from ibgu.core.preview.model import Enough, Excluded, Preview, Proposal, Running, StepPreview

__all__ = [
    "Enough",
    "Excluded",
    "Preview",
    "Proposal",
    "Running",
    "StepPreview",
    "preview",
]
