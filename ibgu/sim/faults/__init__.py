"""Defines faults by name: what goes wrong on which cluster, how often and for how long."""

from ibgu.sim.faults.catalogue import CATALOGUE
from ibgu.sim.faults.fault import Fault, FaultPoint
from ibgu.sim.faults.rules import FaultRule, assign, parse_fault

__all__ = ["CATALOGUE", "Fault", "FaultPoint", "FaultRule", "assign", "parse_fault"]
