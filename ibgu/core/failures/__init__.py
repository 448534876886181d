"""Known failures: what the cluster's words mean and what a person does about them (R10.7)."""

from ibgu.core.failures.apply import ApplyError, classify, refused_field
from ibgu.core.failures.explain import KNOWN, explain
from ibgu.core.failures.known import KnownFailure
from ibgu.core.failures.names import Failure

__all__ = ["KNOWN", "ApplyError", "Failure", "KnownFailure", "classify", "explain", "refused_field"]
