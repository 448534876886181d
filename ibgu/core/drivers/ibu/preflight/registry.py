"""All rules, by number."""

from ibgu.core.drivers.ibu.preflight.apply_label import P20, P23
from ibgu.core.drivers.ibu.preflight.backup_storage import P30, P31
from ibgu.core.drivers.ibu.preflight.catalogue import P41
from ibgu.core.drivers.ibu.preflight.clusters import P9, P10, P33, P34, P36, P37
from ibgu.core.drivers.ibu.preflight.config_maps import P13, P14, P39
from ibgu.core.drivers.ibu.preflight.hardware import P32
from ibgu.core.drivers.ibu.preflight.hub_templates import P42
from ibgu.core.drivers.ibu.preflight.manifests import P25, P26, P27, P28
from ibgu.core.drivers.ibu.preflight.model import PreflightRule
from ibgu.core.drivers.ibu.preflight.oadp_objects import P15, P17
from ibgu.core.drivers.ibu.preflight.oadp_order import P19
from ibgu.core.drivers.ibu.preflight.oadp_pairs import P16, P21, P22
from ibgu.core.drivers.ibu.preflight.oadp_storage import P24
from ibgu.core.drivers.ibu.preflight.operators import P6, P7, P8
from ibgu.core.drivers.ibu.preflight.plan import P29, P35, P38, P40
from ibgu.core.drivers.ibu.preflight.releases import P1, P2, P3, P4, P5
from ibgu.core.drivers.ibu.preflight.seed import P11, P12
from ibgu.core.drivers.ibu.preflight.waves import P18

RULES: tuple[PreflightRule, ...] = (
    *(P1, P2, P3, P4, P5, P6, P7, P8, P9, P10),
    *(P11, P12, P13, P14, P15, P16, P17, P18, P19, P20),
    *(P21, P22, P23, P24, P25, P26, P27, P28, P29, P30),
    *(P31, P32, P33, P34, P35, P36, P37, P38, P39, P40),
    *(P41, P42),
)
