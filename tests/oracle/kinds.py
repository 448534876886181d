"""The proofs in the recorded feedback of each kind of change, for the certifier."""

from ibgu.core.model import names
from tests.oracle.ibu_proofs import IBU_PROOFS
from tests.oracle.proofs import KindProofs
from tests.oracle.update_proofs import UPDATE_PROOFS

PROOFS: KindProofs = {names.IBGU: IBU_PROOFS, names.FLEET_UPDATE: UPDATE_PROOFS}
"""Apart from DRIVERS, as no error of a driver may vouch for itself."""
