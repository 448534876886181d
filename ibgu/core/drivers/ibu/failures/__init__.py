"""Known failures: what the cluster's words mean and what a person does about them (R10.7)."""

from ibgu.core.drivers.ibu.failures.apply import ApplyError, classify, refused_field
from ibgu.core.drivers.ibu.failures.explain import KNOWN, explain
from ibgu.core.drivers.ibu.failures.known import KnownFailure
from ibgu.core.drivers.ibu.failures.names import Failure

__all__ = ["KNOWN", "ApplyError", "Failure", "KnownFailure", "classify", "explain", "refused_field"]
