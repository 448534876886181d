"""Previews a plan: which clusters it takes, in which order, and whether the time suffices."""

from ibgu.core.views.preview.build import preview
from ibgu.core.views.preview.model import Enough, Excluded, Preview, Proposal, Running, StepPreview
from ibgu.core.views.preview.preflight import HubAnswers, expires, preflight_facts, prepares

__all__ = [
    "Enough",
    "Excluded",
    "HubAnswers",
    "Preview",
    "Proposal",
    "Running",
    "StepPreview",
    "expires",
    "preflight_facts",
    "prepares",
    "preview",
]
