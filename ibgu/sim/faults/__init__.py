"""Defines faults by name: what goes wrong on which cluster, how often and for how long; and
defects, which clusters have from the beginning."""

from ibgu.sim.faults.catalogue import CATALOGUE
from ibgu.sim.faults.defects import CHANGES, DEFECTS, UNFINISHED
from ibgu.sim.faults.fault import Fault, FaultPoint
from ibgu.sim.faults.rules import FaultRule, assign, parse_defect, parse_fault
from ibgu.sim.faults.updates import UPDATE_FAULTS

__all__ = [
    "CATALOGUE",
    "CHANGES",
    "DEFECTS",
    "UNFINISHED",
    "UPDATE_FAULTS",
    "Fault",
    "FaultPoint",
    "FaultRule",
    "assign",
    "parse_defect",
    "parse_fault",
]
