"""The names of the Lifecycle Agent's object on every cluster, and the annotations that go there."""

from collections.abc import Mapping

GROUP = "lca.openshift.io"
VERSION = "lca.openshift.io/v1"
KIND = "ImageBasedUpgrade"
RESOURCE = "imagebasedupgrades"
NAME = "upgrade"
MANUAL_CLEANUP_DONE = "lca.openshift.io/manual-cleanup-done"
"""The Lifecycle Agent removes it, whatever its value, and repeats the abort or finalize that has
failed."""
NAMESPACE = "openshift-lifecycle-agent"
"""Where the Lifecycle Agent looks for the pull secret."""
VALIDATION_WARNING = "extra-manifest.lca.openshift.io/validation-warning"
"""The annotation with which the Lifecycle Agent warns of extra manifests in Prep, and which it
removes on the way to Idle."""


def carried(annotations: Mapping[str, str]) -> dict[str, str]:
    """Returns the IBGU's annotations that go to the IBU, chosen as TALM does."""
    return {key: value for key, value in annotations.items() if GROUP in key}
