"""Implements Kubernetes' dialect of JSONPath, as feedback rules use it.

The behaviour is that of k8s.io/client-go/util/jsonpath with missing keys allowed, the library
inside the work agent. It differs from every other JSONPath dialect in small ways that decide
whether a value arrives: an index past the end is an error, a missing field is not.
"""

from ibgu.sim.jsonpath.syntax import PathError, parse
from ibgu.sim.jsonpath.walk import find

__all__ = ["PathError", "find", "parse"]
