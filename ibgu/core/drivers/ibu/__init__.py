"""The image-based upgrade by Lifecycle Agent: what is sent to the cluster, what is read from it."""

from ibgu.core.drivers.ibu.driver import IBU

__all__ = ["IBU"]
