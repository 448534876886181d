"""Objects of the hub with something wrong in them, as values and as bytes."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ibgu.core.model.kinds import ClusterGroupUpgrade, ManagedCluster, ManifestWork, RolloutObject

Json = Any

META = {
    "name": "a",
    "namespace": "spoke",
    "uid": "uid-a",
    "resourceVersion": "41",
    "generation": 3,
    "creationTimestamp": "2026-11-20T01:02:03Z",
    "labels": {"ibgu.dev/rollout": "r"},
    "annotations": {"ibgu.dev/generation": "3", "ibgu.dev/arming": "armed"},
    "managedFields": [
        {"manager": "kubectl", "operation": "Update", "time": "2026-11-20T01:02:03Z"}
    ],
}
CONDITION = {"type": "Applied", "status": "True", "reason": "x", "observedGeneration": 3}
VALUE = {"name": "stage", "fieldValue": {"type": "String", "string": "Prep"}}
IBU = {"group": "lca.openshift.io", "kind": "ImageBasedUpgrade", "name": "upgrade", "ordinal": 1}
ENTRY = {
    "resourceMeta": IBU,
    "conditions": [CONDITION, CONDITION | {"type": "Available"}],
    "statusFeedback": {"values": [VALUE, {"name": "g", "fieldValue": {"integer": 3}}]},
}
SAMPLES: dict[type, Json] = {
    ManifestWork: {
        "metadata": META,
        "spec": {"workload": {"manifests": [{"kind": "ConfigMap"}]}},
        "status": {"conditions": [CONDITION], "resourceStatus": {"manifests": [ENTRY]}},
    },
    ManagedCluster: {
        "metadata": META,
        "spec": {"hubAcceptsClient": True},
        "status": {"conditions": [CONDITION | {"type": "ManagedClusterConditionAvailable"}]},
    },
    RolloutObject: {
        "metadata": META,
        "spec": {
            "clusterLabelSelectors": [{"matchExpressions": [{"key": "k", "operator": "In"}]}],
            "ibuSpec": {"seedImageRef": {"image": "i", "version": "v"}, "oadpContent": []},
            "plan": [{"actions": ["Prep"], "rolloutStrategy": {"maxConcurrency": 1}}],
        },
        "status": {"conditions": [CONDITION]},
    },
    ClusterGroupUpgrade: {"metadata": META, "status": {"conditions": [CONDITION]}},
}

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(["\x00", "\U0010ffff", "9" * 50, "True", "-1", [], {}, [[]], {"": None}]),
).map(deepcopy)


@st.composite
def spoilt(draw: st.DrawFn, sample: Json) -> Json:
    """The sample with one to three of its values replaced, left out or added."""
    found = deepcopy(sample)
    for _ in range(draw(st.integers(1, 3))):
        _spoil(draw, found)
    return found


def _spoil(draw: st.DrawFn, root: Json) -> None:
    place = root
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        if isinstance(place[key], (dict, list)) and place[key] and draw(st.integers(0, 4)):
            place = place[key]
            continue
        if draw(st.booleans()):
            place[key] = draw(ODD)
        else:
            del place[key]
        return


@st.composite
def bytes_of(draw: st.DrawFn, values: SearchStrategy[Json]) -> bytes:
    """Returns the values as JSON, which may then be cut, nested without end or damaged."""
    data = json.dumps(draw(values), ensure_ascii=draw(st.booleans())).encode(errors="replace")
    at = draw(st.integers(0, len(data)))
    match draw(st.sampled_from(["", "", "cut", "bytes", "deep", "deep open"])):
        case "cut":
            return data[:at]
        case "bytes":
            return data[:at] + draw(st.binary(max_size=3)) + data[at + 1 :]
        case "deep":
            depth = draw(st.sampled_from([50, 500, 3000]))
            deep = draw(st.sampled_from([b"[", b'{"a":'])) * depth
            closed = b"1" + (b"]" if deep[:1] == b"[" else b"}") * depth
            return data.replace(b'"a"', deep + closed, 1)
        case "deep open":
            return data[:at] + b"[" * 3000
        case _:
            return data
