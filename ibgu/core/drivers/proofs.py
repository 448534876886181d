"""The proofs in the recorded feedback of each kind of change, for the certifier."""

from collections.abc import Mapping

from ibgu.core.drivers.ibu.proofs import IBU_PROOFS, IbuProofs
from ibgu.core.model import names

PROOFS: Mapping[str, IbuProofs] = {names.IBGU: IBU_PROOFS}
"""Apart from DRIVERS, as no error of a driver may vouch for itself."""
