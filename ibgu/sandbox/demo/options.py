"""The options of a demo."""

from msgspec import Struct

from ibgu.core.model.names import IBGU


class DemoOptions(Struct, frozen=True):
    kind: str = IBGU
    """The kind of the sample."""
    clusters: int = 50
    speed: float = 120.0
    """How much faster than in the field: at 120 a Prep of 12 minutes takes 6 seconds."""
    seed: int = 1
    faults: tuple[str, ...] = ()
    """Faults to inject beside those of the sample, as `ibgu simulate` takes them."""
    listen: str = ""
    """Empty: the usual address, or a free port where that is taken."""
    exit_when_done: bool = False
    """Walk through all steps without anybody's help, and end with the outcome."""
