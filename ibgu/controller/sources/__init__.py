"""Asks the sources that the administrator has named whether canaries are well (R50.18)."""

from ibgu.controller.sources.config import sources_of
from ibgu.controller.sources.questions import HealthSources

__all__ = ["HealthSources", "sources_of"]
