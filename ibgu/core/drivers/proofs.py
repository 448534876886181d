"""The proofs in the recorded feedback of each kind of change, for the certifier."""

from ibgu.core.drivers.cluster_version.proofs import UPDATE_PROOFS
from ibgu.core.drivers.ibu.proofs import IBU_PROOFS
from ibgu.core.model import names
from ibgu.core.model.proofs import KindProofs

PROOFS: KindProofs = {names.IBGU: IBU_PROOFS, names.FLEET_UPDATE: UPDATE_PROOFS}
"""Apart from DRIVERS, as no error of a driver may vouch for itself."""
