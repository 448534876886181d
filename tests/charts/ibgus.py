"""ImageBasedGroupUpgrades as the API server takes or refuses them."""

from typing import Any, NamedTuple

import httpx

Object = dict[str, Any]
_PATH = "/apis/lcm.openshift.io/v1alpha1/namespaces/default/imagebasedgroupupgrades"


class Answer(NamedTuple):
    code: int
    body: Object

    @property
    def causes(self) -> list[tuple[str, str]]:
        """Field and last part of the message of each reason for a refusal.

        The note that CEL rules were left out because of other errors is not one.
        """
        causes = self.body.get("details", {}).get("causes", [])
        return [
            (cause["field"], cause["message"].rpartition(": ")[2])
            for cause in causes
            if "some validation rules were not checked" not in cause["message"]
        ]


class Ibgus:
    """Requests on IBGUs in `default`; a dry run is validated in full and stores nothing."""

    def __init__(self, client: httpx.Client, path: str = _PATH) -> None:
        self._client = client
        self._path = path

    def create(self, ibgu: Object, *, dry_run: bool = False) -> Answer:
        params = {"dryRun": "All"} if dry_run else {}
        return self._answer(self._client.post(self._path, json=ibgu, params=params))

    def append(self, name: str, step: Object) -> Answer:
        return self.patch(name, [{"op": "add", "path": "/spec/plan/-", "value": step}])

    def patch(self, name: str, operations: list[Object], *, status: bool = False) -> Answer:
        """A JSON patch, as `oc patch --type=json` sends it."""
        path = f"{self._path}/{name}{'/status' if status else ''}"
        headers = {"Content-Type": "application/json-patch+json"}
        return self._answer(self._client.patch(path, json=operations, headers=headers))

    @staticmethod
    def _answer(response: httpx.Response) -> Answer:
        return Answer(response.status_code, response.json())


def step(*actions: str, most: int = 2, **strategy: int) -> Object:
    return {"actions": list(actions), "rolloutStrategy": {"maxConcurrency": most, **strategy}}


def ibgu(name: str, *plan: Object, **spec: object) -> Object:
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"site": "north"}}],
            "ibuSpec": {"seedImageRef": {"image": "quay.io/seed/image:1", "version": "1"}},
            "plan": list(plan),
            **spec,
        },
    }
