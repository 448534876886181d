"""The ClusterVersion, and the names with which ibgu marks and writes it."""

GROUP = "config.openshift.io"
VERSION = "config.openshift.io/v1"
KIND = "ClusterVersion"
RESOURCE = "clusterversions"
NAME = "version"

POOL_GROUP = "machineconfiguration.openshift.io"

STAGE_MARK = "ibgu.dev/stage"
"""Annotation: the stage that was asked for last."""
IMAGE_MARK = "ibgu.dev/image"
"""Annotation: the release image that was asked for with it."""

PAUSE_MANAGER = "work-agent-ibgu-pause"
"""The field manager of what is paused, and resumed."""
UPDATE_MANAGER = "work-agent-ibgu-update"
"""The field manager that owns spec.desiredUpdate once an update was asked for. What only marks the
object has another one: an apply of the owner without the field would withdraw the request."""
RESUMES_MARK = "ibgu.dev/resumes"
"""Annotation: the pool that a run of Pools resumes, or HEALTH_CHECKS."""
HEALTH_CHECKS = "MachineHealthChecks"

ACK_MANAGER = "work-agent-ibgu-acks"
