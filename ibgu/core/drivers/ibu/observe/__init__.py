"""States what an ImageBasedUpgrade's feedback proves of the cluster (R7, R8, R10, R14)."""

from ibgu.core.drivers.ibu.observe.ibu_state import out_of_stage
from ibgu.core.drivers.ibu.observe.probe import judge, judge_state
from ibgu.core.drivers.ibu.observe.verdict import verdict

__all__ = ["judge", "judge_state", "out_of_stage", "verdict"]
