"""The way back after a change of each kind that failed."""

from ibgu.core.drivers.cluster_version.recovery import recovery_of_update
from ibgu.core.drivers.ibu.recovery import recovery_of_upgrade
from ibgu.core.model import names
from ibgu.core.model.recovery import KindRecoveries

RECOVERIES: KindRecoveries = {
    names.IBGU: recovery_of_upgrade,
    names.FLEET_UPDATE: recovery_of_update,
}
