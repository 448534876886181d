"""Defines faults by name: what goes wrong on which cluster, how often and for how long."""

from ibgu.sim.faults.catalogue import CATALOGUE
from ibgu.sim.faults.fault import Fault, Where
from ibgu.sim.faults.rules import FaultRule, assign, parse_fault

__all__ = ["CATALOGUE", "Fault", "FaultRule", "Where", "assign", "parse_fault"]
