"""Seed images: which cluster one can be generated from, and the files for its site."""

from ibgu.core.drivers.ibu.seeds.candidate import (
    Attachments,
    CandidateCheck,
    CandidateFacts,
    check_candidate,
)
from ibgu.core.drivers.ibu.seeds.site_files import SeedRequest, site_files

__all__ = [
    "Attachments",
    "CandidateCheck",
    "CandidateFacts",
    "SeedRequest",
    "check_candidate",
    "site_files",
]
