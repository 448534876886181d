"""Simulates the managed cluster's own API server: its objects, admission and the work agent's
rights."""

from ibgu.sim.spoke.equipment import SOUND, Dpa, Equipment
from ibgu.sim.spoke.objects import IBU, Key, key_of, resource_of
from ibgu.sim.spoke.refusal import Refusal
from ibgu.sim.spoke.store import Spoke

__all__ = [
    "IBU",
    "SOUND",
    "Dpa",
    "Equipment",
    "Key",
    "Refusal",
    "Spoke",
    "key_of",
    "resource_of",
]
