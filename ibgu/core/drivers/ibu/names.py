"""The names of the Lifecycle Agent's object on every cluster, and the annotations that go there."""

from collections.abc import Mapping

from ibgu.core.model.names import RATE_LIMIT_ANNOTATIONS

GROUP = "lca.openshift.io"
VERSION = "lca.openshift.io/v1"
KIND = "ImageBasedUpgrade"
RESOURCE = "imagebasedupgrades"
NAME = "upgrade"
NAMESPACE = "openshift-lifecycle-agent"
"""Where the Lifecycle Agent looks for the pull secret."""


def carried(annotations: Mapping[str, str]) -> dict[str, str]:
    """Returns the IBGU's annotations that go to the IBU, chosen as TALM does."""
    return {key: value for key, value in annotations.items() if GROUP in key}


def for_retry(annotations: Mapping[str, str]) -> dict[str, str]:
    """Returns the annotations that a retry takes over: those for the clusters, and the rate
    limits."""
    rate_limited = {key: annotations[key] for key in RATE_LIMIT_ANNOTATIONS if key in annotations}
    return carried(annotations) | rate_limited
