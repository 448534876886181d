"""Templates: what is rendered from which values."""

import base64
import json
from typing import Any

import pytest
import yaml

from ibgu.settings import Settings, variable
from tests.charts.rendering import (
    CASES,
    CHART,
    NEEDED,
    OPENSHIFT,
    Object,
    RenderError,
    helm,
    render,
    template,
)


def only(objects: list[Object], kind: str, name: str = "") -> Object:
    [found] = [o for o in objects if o["kind"] == kind and name in ("", o["metadata"]["name"])]
    return found


def pod_specs(objects: list[Object]) -> dict[str, Object]:
    return {
        f"{o['kind']}/{o['metadata']['name']}": o["spec"]["template"]["spec"]
        for o in objects
        if o["kind"] in ("Deployment", "StatefulSet", "Job")
    }


def ibgu_container(objects: list[Object], deployment: str) -> Object:
    container: Object = only(objects, "Deployment", deployment)["spec"]["template"]["spec"][
        "containers"
    ][0]
    return container


def environment(container: Object) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


@pytest.mark.parametrize("case", CASES)
def test_no_object_is_made_twice(case: str) -> None:
    objects = render(CASES[case], OPENSHIFT)
    names = [
        (o["apiVersion"], o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"])
        for o in objects
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("case", CASES)
def test_helm_finds_no_fault(case: str) -> None:
    values = json.dumps(NEEDED | CASES[case])
    answer = helm("lint", str(CHART), "--strict", "--values", "-", stdin=values)
    assert "0 chart(s) failed" in answer


@pytest.mark.parametrize("case", CASES)
def test_selectors_find_their_own_pods_and_no_others(case: str) -> None:
    objects = render(CASES[case], OPENSHIFT)
    pods = {
        name: only(objects, *name.split("/"))["spec"]["template"]["metadata"]["labels"]
        for name in pod_specs(objects)
    }

    def found(selector: Object) -> list[str]:
        return [name for name, labels in pods.items() if selector.items() <= labels.items()]

    for o in objects:
        match o["kind"]:
            case "Service":
                assert len(found(o["spec"]["selector"])) == 1
            case "PodDisruptionBudget":
                assert len(found(o["spec"]["selector"]["matchLabels"])) == 1
            case "Deployment" | "StatefulSet":
                mine = found(o["spec"]["selector"]["matchLabels"])
                assert mine == [f"{o['kind']}/{o['metadata']['name']}"]


@pytest.mark.parametrize("case", CASES)
def test_every_container_is_locked_down(case: str) -> None:
    for spec in pod_specs(render(CASES[case])).values():
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["enableServiceLinks"] is False
        own = [each for each in spec["containers"] if each["name"] != "proxy"]
        for container in own:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]


def test_each_component_runs_its_command_under_its_account() -> None:
    objects = render()
    specs = pod_specs(objects)
    told = {
        name: (spec.get("serviceAccountName"), spec["containers"][0]["args"])
        for name, spec in specs.items()
    }
    assert told == {
        "Deployment/ibgu-controller": ("ibgu", ["controller"]),
        "Deployment/ibgu-api": ("ibgu-api", ["api"]),
        "Job/ibgu-migrate": (None, ["migrate"]),
    }
    assert specs["Job/ibgu-migrate"]["automountServiceAccountToken"] is False


def test_one_process_may_be_both() -> None:
    objects = render({"topology": "combined"})
    spec = only(objects, "Deployment")["spec"]["template"]["spec"]
    assert (spec["serviceAccountName"], spec["containers"][0]["args"]) == ("ibgu", ["run"])
    assert only(objects, "Service")["metadata"]["name"] == "ibgu"
    assert only(objects, "ServiceAccount")["metadata"]["name"] == "ibgu"


def test_one_process_that_is_both_has_the_settings_and_annotations_of_both() -> None:
    """Those of the API were dropped without a word."""
    given: dict[str, Any] = {
        "topology": "combined",
        "controller": {"settings": {"IBGU_LOG_LEVEL": "debug"}, "podAnnotations": {"a": "1"}},
        "api": {"settings": {"IBGU_API_CONNECTIONS": "77"}, "podAnnotations": {"b": "2"}},
    }
    pod = only(render(given), "Deployment")["spec"]["template"]
    found = environment(pod["spec"]["containers"][0])
    assert (found["IBGU_LOG_LEVEL"], found["IBGU_API_CONNECTIONS"]) == ("debug", "77")
    assert pod["metadata"]["annotations"] == {"a": "1", "b": "2"}
    given["api"]["settings"]["IBGU_LOG_LEVEL"] = "info"
    with pytest.raises(RenderError, match="give IBGU_LOG_LEVEL two values"):
        render(given)


@pytest.mark.parametrize("case", CASES)
def test_variables_are_settings_of_ibgu(case: str) -> None:
    known = {variable(field) for field in Settings.model_fields}
    objects = render(CASES[case])
    for spec in pod_specs(objects).values():
        if spec["containers"][0]["name"] != "postgres":
            assert set(environment(spec["containers"][0])) <= known


def test_traces_are_set_by_the_variables_of_opentelemetry() -> None:
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    spec = only(render({"topology": "combined", "settings": given}), "Deployment")["spec"]
    assert given.items() <= environment(spec["template"]["spec"]["containers"][0]).items()


def test_a_components_settings_win() -> None:
    objects = render(CASES["with everything"])
    rates = {
        name: environment(ibgu_container(objects, name))["IBGU_HUB_RATE"]
        for name in ("ibgu-controller", "ibgu-api")
    }
    assert rates == {"ibgu-controller": "100", "ibgu-api": "50"}


@pytest.mark.parametrize("topology", ["split", "combined"])
def test_files_and_secrets_of_ones_own(topology: str) -> None:
    """Each component gets its own; a process that is both gets all."""
    given: Object = {"topology": topology}
    for name in ("controller", "api"):
        secret = {"secretKeyRef": {"name": name, "key": "key"}}
        given[name] = {
            "extraEnv": [{"name": f"IBGU_OF_{name.upper()}", "valueFrom": secret}],
            "extraVolumes": [{"name": name, "secret": {"secretName": name}}],
            "extraVolumeMounts": [{"name": name, "mountPath": f"/etc/{name}"}],
            "extraContainers": [{"name": f"beside-{name}", "image": "registry.example.com/x:1"}],
        }
    deployments = [o for o in render(given) if o["kind"] == "Deployment"]
    assert len(deployments) == (1 if topology == "combined" else 2)
    for o in deployments:
        mine = ["controller", "api"] if topology == "combined" else [o["metadata"]["name"][5:]]
        spec = o["spec"]["template"]["spec"]
        first, *beside = spec["containers"]
        assert [v["name"] for v in spec["volumes"]] == ["tmp", *mine]
        assert [mount["name"] for mount in first["volumeMounts"]] == ["tmp", *mine]
        assert [each["name"] for each in beside] == [f"beside-{name}" for name in mine]
        assert {f"IBGU_OF_{name.upper()}" for name in mine} <= set(environment(first))


def test_the_database_is_migrated_before_anything_of_a_release_starts() -> None:
    job = only(render(), "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert environment(container) == {
        "DATABASE_URL": {"secretKeyRef": {"name": "journal", "key": "url"}}
    }


def test_the_api_may_have_a_database_user_of_its_own() -> None:
    objects = render({"database": {"existingSecret": "journal", "apiKey": "api-url"}})
    keys = {
        name: environment(ibgu_container(objects, name))["DATABASE_URL"]["secretKeyRef"]["key"]
        for name in ("ibgu-controller", "ibgu-api")
    }
    assert keys == {"ibgu-controller": "url", "ibgu-api": "api-url"}
    bundled = render({**CASES["bundled"], "database": {"apiKey": "api-url"}})
    secret = environment(ibgu_container(bundled, "ibgu-api"))["DATABASE_URL"]["secretKeyRef"]
    assert secret == {"name": "ibgu-postgres", "key": "url"}


def test_every_process_trusts_the_database_by_the_given_certificates() -> None:
    database = {"existingSecret": "journal", "apiKey": "api-url", "caKey": "root.pem"}
    for name, spec in pod_specs(render({"database": database})).items():
        container = spec["containers"][0]
        assert environment(container)["PGSSLROOTCERT"] == "/etc/ibgu-postgres/ca.crt", name
        [mount] = [each for each in container["volumeMounts"] if each["name"] == "postgres-ca"]
        assert mount["mountPath"] == "/etc/ibgu-postgres"
        [volume] = [each for each in spec["volumes"] if each["name"] == "postgres-ca"]
        items = [{"key": "root.pem", "path": "ca.crt"}]
        assert volume["secret"] == {"secretName": "journal", "items": items}


def test_with_a_postgres_of_the_chart_the_processes_migrate() -> None:
    """A hook would run before there is a database."""
    objects = render(CASES["bundled"])
    assert not [o for o in objects if o["kind"] == "Job"]
    container = ibgu_container(objects, "ibgu-controller")
    assert container["args"] == ["controller", "--migrate"]
    secret = environment(container)["DATABASE_URL"]["secretKeyRef"]
    assert secret == {"name": "ibgu-postgres", "key": "url"}


def test_a_given_password_stands_safely_in_the_url() -> None:
    objects = render({"bundledPostgres": {"enabled": True, "password": "a b/c@d+e"}})
    data = only(objects, "Secret")["stringData"]
    assert data["password"] == "a b/c@d+e"
    url, _, query = data["url"].partition("?")
    assert url == "postgresql://ibgu:a%20b%2Fc%40d%2Be@ibgu-postgres:5432/ibgu"
    assert query == "sslmode=verify-full&sslrootcert=/etc/ibgu-postgres/ca.crt"


def test_images_are_what_was_chosen_not_what_a_tag_says_today() -> None:
    for case in ("bundled", "oauth proxy", "with everything"):
        for spec in pod_specs(render(CASES[case], OPENSHIFT)).values():
            images = {each["image"] for each in spec["containers"] if each["name"] != "proxy"}
            if case != "with everything":
                images -= {f"{NEEDED['image']['repository']}:{version()}"}
            assert all("@sha256:" in image for image in images)


def version() -> str:
    """Returns the version of ibgu's own image, where its digest is not given."""
    return str(yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"])


def test_a_certificate_of_ones_own_for_the_bundled_postgres() -> None:
    objects = render(CASES["bundled and combined"])
    assert set(only(objects, "Secret")["stringData"]) == {"password", "url"}
    for name, volume in (("StatefulSet/ibgu-postgres", "tls"), ("Deployment/ibgu", "postgres-ca")):
        volumes = {each["name"]: each for each in pod_specs(objects)[name]["volumes"]}
        assert volumes[volume]["secret"]["secretName"] == "postgres-tls"


def test_openshift_gives_the_bundled_postgres_its_user() -> None:
    plain = pod_specs(render(CASES["bundled"]))["StatefulSet/ibgu-postgres"]
    there = pod_specs(render(CASES["bundled"], OPENSHIFT))["StatefulSet/ibgu-postgres"]
    assert plain["securityContext"]["runAsUser"] == 999
    assert "runAsUser" not in there["securityContext"]


@pytest.mark.parametrize("entry", [{}, {"route": {"enabled": True}}, CASES["ingress"]])
@pytest.mark.parametrize("topology", ["split", "combined"])
def test_the_rest_process_is_configured_for_the_proxy_in_front(
    topology: str, entry: Object
) -> None:
    """The process would take its own page, which has come by TLS, for another one."""
    objects = render({"topology": topology, **entry}, OPENSHIFT)
    told = {
        name.removeprefix("Deployment/"): environment(spec["containers"][0]).get(
            "IBGU_BEHIND_PROXY"
        )
        for name, spec in pod_specs(objects).items()
    }
    assert told["ibgu-api" if topology == "split" else "ibgu"] == ("true" if entry else None)
    assert told.get("ibgu-controller") is None


def test_people_sign_in_at_the_proxy_and_nothing_leads_past_it() -> None:
    objects = render(CASES["oauth proxy"], OPENSHIFT)
    route = only(objects, "Route")["spec"]
    assert (route["port"]["targetPort"], route["tls"]["termination"]) == ("https", "reencrypt")
    service = only(objects, "Service", "ibgu")
    ports = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
    assert ports == {"https": "https", "metrics": "metrics"}
    [certificate] = service["metadata"]["annotations"].values()
    spec = pod_specs(objects)["Deployment/ibgu-api"]
    ibgu, proxy = spec["containers"]
    assert environment(ibgu)["IBGU_BEHIND_PROXY"] == "true"
    assert proxy["ports"] == [{"name": "https", "containerPort": 8443}]
    volumes = {each["name"]: each.get("secret", {}).get("secretName") for each in spec["volumes"]}
    assert volumes == {
        "tmp": None,
        "oauth-proxy": only(objects, "Secret")["metadata"]["name"],
        "oauth-proxy-tls": certificate,
    }
    rules = only(objects, "NetworkPolicy")["spec"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in rules] == [8443, 8081]
    assert len(pod_specs(objects)["Deployment/ibgu-controller"]["containers"]) == 1


def test_only_proxies_name_the_client() -> None:
    given = {"proxyAddresses": ["10.128.0.0/14"]}
    sidecar = pod_specs(render(CASES["oauth proxy"] | given, OPENSHIFT))["Deployment/ibgu-api"]
    addresses = environment(sidecar["containers"][0])["IBGU_PROXY_ADDRESSES"]
    assert addresses == "127.0.0.1,::1,10.128.0.0/14"
    plain = pod_specs(render(given))
    assert (
        environment(plain["Deployment/ibgu-api"]["containers"][0])["IBGU_PROXY_ADDRESSES"]
        == "10.128.0.0/14"
    )
    controller = environment(plain["Deployment/ibgu-controller"]["containers"][0])
    assert "IBGU_PROXY_ADDRESSES" not in controller


def test_the_oauth_server_knows_the_proxy() -> None:
    """A service account as OAuth client could ask for no more than roles of its own namespace."""
    objects = render(CASES["oauth proxy"], OPENSHIFT)
    client, secret = only(objects, "OAuthClient"), only(objects, "Secret")["stringData"]
    assert client["secret"] == secret["client-secret"]
    assert client["redirectURIs"] == ["https://ibgu.apps.example.com/oauth/callback"]
    assert client["scopeRestrictions"] == [{"literals": ["user:full"]}]
    assert len(base64.urlsafe_b64decode(secret["cookie-secret"])) in (16, 24, 32)
    arguments = pod_specs(objects)["Deployment/ibgu-api"]["containers"][1]["args"]
    assert f"--client-id={client['metadata']['name']}" in arguments
    assert {"--scope=user:full", "--pass-access-token"} <= set(arguments)


def test_an_oauth_client_of_ones_own() -> None:
    objects = render(CASES["oauth proxy of one's own"], OPENSHIFT)
    assert not [o for o in objects if o["kind"] in ("OAuthClient", "Secret")]
    spec = pod_specs(objects)["Deployment/ibgu"]
    assert spec["volumes"][1]["secret"] == {"secretName": "ran-oauth"}
    arguments = spec["containers"][1]["args"]
    assert {"--client-id=ran", "--request-logging"} <= set(arguments)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"route": {"enabled": False}}, "oauthProxy needs route.enabled=true and route.host"),
        ({"route": {"enabled": True}}, "oauthProxy needs route.enabled=true and route.host"),
        (CASES["ingress"], "oauthProxy is behind the Route alone"),
        ({"oauthProxy": {"enabled": True}}, "oc adm release info --image-for=oauth-proxy"),
        ({"oauthProxy": {"enabled": True, "image": "quay.example/proxy:4.18"}}, "oauthProxy/image"),
    ],
)
def test_missing_values_of_the_proxy_are_refused(changed: Object, words: str) -> None:
    with pytest.raises(RenderError, match=words):
        render(CASES["oauth proxy"] | changed, OPENSHIFT)


def test_an_explicit_proxy_setting_is_kept() -> None:
    given = {"route": {"enabled": True}, "settings": {"IBGU_BEHIND_PROXY": "false"}}
    container = ibgu_container(render(given, OPENSHIFT), "ibgu-api")
    assert [each["value"] for each in container["env"] if "PROXY" in each["name"]] == ["false"]


def test_a_service_monitor_is_made_where_it_is_understood() -> None:
    def kinds(switch: str, *apis: str) -> set[str]:
        return {o["kind"] for o in render({"monitoring": {"serviceMonitor": switch}}, apis)}

    assert "ServiceMonitor" not in kinds("auto")
    assert "ServiceMonitor" in kinds("auto", "monitoring.coreos.com/v1")
    assert "ServiceMonitor" in kinds("always")
    assert "ServiceMonitor" not in kinds("never", "monitoring.coreos.com/v1")


def test_metrics_are_apart_and_for_prometheus_alone() -> None:
    """They name rollouts and need no token: no Route or Ingress leads there."""
    objects = render({"route": {"enabled": True}, **CASES["ingress"]}, OPENSHIFT)
    container = ibgu_container(objects, "ibgu-api")
    assert environment(container)["IBGU_METRICS_LISTEN"] == ":8081"
    [endpoint] = only(objects, "ServiceMonitor")["spec"]["endpoints"]
    for service in [o for o in objects if o["kind"] == "Service"]:
        ports = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
        assert ports == {"http": "http", "metrics": endpoint["port"]}
    assert only(objects, "Route")["spec"]["port"]["targetPort"] == "http"
    rules = only(objects, "NetworkPolicy")["spec"]["ingress"]
    assert {rule["ports"][0]["port"]: "from" in rule for rule in rules} == {8080: False, 8081: True}


@pytest.mark.parametrize("case", CASES)
def test_the_service_monitor_finds_every_process_of_ibgu(case: str) -> None:
    objects = render(CASES[case], OPENSHIFT)
    selector = only(objects, "ServiceMonitor")["spec"]["selector"]
    [expression] = selector["matchExpressions"]
    assert expression["operator"] == "Exists"
    found = {
        o["metadata"]["name"]
        for o in objects
        if o["kind"] == "Service"
        and selector["matchLabels"].items() <= o["metadata"]["labels"].items()
        and expression["key"] in o["metadata"]["labels"]
    }
    services = {o["metadata"]["name"] for o in objects if o["kind"] == "Service"}
    assert found == services - {"ibgu-postgres"}


def test_a_route_leads_to_the_api() -> None:
    objects = render({"route": {"enabled": True, "host": "ibgu.example.com"}}, OPENSHIFT)
    spec = only(objects, "Route")["spec"]
    assert (spec["host"], spec["to"]["name"]) == ("ibgu.example.com", "ibgu")
    assert spec["tls"] == {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"}
    service = only(objects, "Service", "ibgu")
    assert service["spec"]["selector"]["app.kubernetes.io/component"] == "api"


def test_an_older_hub_gets_the_flow_control_that_it_has() -> None:
    def served(kubernetes: str) -> set[str]:
        objects = render({}, (), "--kube-version", kubernetes)
        group = "flowcontrol.apiserver.k8s.io/"
        return {v.removeprefix(group) for o in objects if (v := o["apiVersion"]).startswith(group)}

    assert served("1.28.15+4a1b2c3") == {"v1beta3"}
    assert served("1.29.0") == {"v1"}


@pytest.mark.parametrize("aggregated", [False, True])
def test_namespace_editors_change_rollouts_only_with_aggregate_edit(
    aggregated: bool,
) -> None:
    """They may select clusters of the whole fleet. And nobody may write what is ibgu's to write."""
    values = {"userRoles": {"aggregateEdit": aggregated}}
    roles = [o for o in render(values) if o["metadata"]["name"] in ("ibgu-view", "ibgu-edit")]
    granted = {"view": set[str](), "edit": set[str](), "admin": set[str]()}
    for role in roles:
        rule, updates = role["rules"]
        assert rule["resources"] == ["imagebasedgroupupgrades"]
        seen = (
            ["rolloutapprovals", "breakglasses"] if role["metadata"]["name"] == "ibgu-view" else []
        )
        own = {"apiGroups": ["ibgu.dev"], "resources": ["fleetupdates", *seen]}
        assert updates == rule | own
        for name, verbs in granted.items():
            label = f"rbac.authorization.k8s.io/aggregate-to-{name}"
            verbs.update(rule["verbs"] if role["metadata"]["labels"].get(label) == "true" else ())
    assert granted["view"] == {"get", "list", "watch"}
    assert granted["edit"] == granted["admin"]
    changes = {"create", "update", "patch", "delete"}
    assert granted["edit"] == granted["view"] | (changes if aggregated else set())
    [edit] = [o for o in roles if o["metadata"]["name"] == "ibgu-edit"]
    assert set(edit["rules"][0]["verbs"]) == changes


@pytest.mark.parametrize("aggregated", [False, True])
def test_cluster_wide_viewers_see_the_catalogue_of_seeds(aggregated: bool) -> None:
    objects = render({"userRoles": {"aggregateEdit": aggregated}})
    view, edit = (
        next(o for o in objects if o["metadata"]["name"] == f"ibgu-seed-{name}")
        for name in ("view", "edit")
    )
    for role, verbs in ((view, "get list watch"), (edit, "create update patch delete")):
        rule = {"apiGroups": ["ibgu.dev"], "resources": ["seedimages"], "verbs": verbs.split()}
        assert role["rules"] == [rule]
    groups = {name: f"rbac.authorization.k8s.io/aggregate-to-{name}" for name in ("view", "edit")}
    assert view["metadata"]["labels"][groups["view"]] == "true"
    assert (edit["metadata"]["labels"].get(groups["edit"]) == "true") is aggregated
    assert groups["view"] not in edit["metadata"]["labels"]


def test_viewers_list_policies_only_where_the_installation_says_so() -> None:
    def roles(values: dict[str, Any]) -> list[dict[str, Any]]:
        return [o for o in render(values) if o["metadata"]["name"] == "ibgu-policy-view"]

    assert roles({}) == []
    [role] = roles({"userRoles": {"viewPolicies": True}})
    group, resources = ["policy.open-cluster-management.io"], ["policies"]
    assert role["rules"] == [{"apiGroups": group, "resources": resources, "verbs": ["list"]}]
    for name in ("view", "edit", "admin"):
        assert (
            role["metadata"]["labels"][f"rbac.authorization.k8s.io/aggregate-to-{name}"] == "true"
        )


def test_a_single_process_has_no_budget_that_would_keep_its_node() -> None:
    assert not [o for o in render(CASES["combined"]) if o["kind"] == "PodDisruptionBudget"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"image": {}}, "image.repository is not set"),
        ({"database": {}}, "set database.existingSecret"),
        ({"topology": "both"}, "topology"),
        ({"controler": {}}, "controler"),
        ({"controller": {"replicas": 0}}, "replicas"),
        ({"settings": {"LOG_LEVEL": "debug"}}, "LOG_LEVEL"),
        ({"settings": {"IBGU_HUB_RATE": 100}}, "IBGU_HUB_RATE"),
        ({"image": {"repository": "x", "digest": "sha256:1"}}, "digest"),
        ({"ingress": {"enabled": True}}, "host"),
        ({"monitoring": {"serviceMonitor": True}}, "serviceMonitor"),
    ],
)
def test_a_wrong_value_is_refused(values: Object, words: str) -> None:
    with pytest.raises(RenderError, match=words):
        template(values)


def test_the_schema_knows_every_value() -> None:
    """helm checks values.yaml itself against it; this is the other way round."""

    def names(schema: Object) -> set[str]:
        found = set()
        for name, each in schema.get("properties", {}).items():
            found |= {name, *(f"{name}.{inner}" for inner in names(each))}
        return found

    def given(values: Object, schema: Object) -> set[str]:
        found = set()
        for name, each in values.items():
            inner = schema["properties"][name]
            nested = given(each, inner) if inner.get("properties") else set()
            found |= {name, *(f"{name}.{below}" for below in nested)}
        return found

    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert names(schema) - given(values, schema) == {"global"}


@pytest.mark.parametrize("case", CASES)
def test_the_notes_say_how_to_look(case: str) -> None:
    values = json.dumps(NEEDED | CASES[case])
    arguments = ("ibgu", str(CHART), "--dry-run=client", "-n", "ran", "--values", "-")
    _, notes = helm("install", *arguments, stdin=values).split("NOTES:")
    deployment = "ibgu" if CASES[case].get("topology") == "combined" else "ibgu-controller"
    assert f"exec -n ran deploy/{deployment} -- ibgu doctor" in notes
    assert ("no backup" in notes) == ("bundledPostgres" in CASES[case])
    named = (NEEDED | CASES[case]).get("image", {})
    assert ("set image.digest" in " ".join(notes.split())) == (not named.get("digest"))
