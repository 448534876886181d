"""Secrets of many kinds, each in the words in which it is met."""

import json
import string
from base64 import b64encode

from tests.cli.redact.attacks import ATTACKS
from tests.cli.redact.forms import HEX, LETTERS, WORD, Planted, encoded, planted, random

KINDS: dict[str, Planted] = {
    "password in words": planted("password=…"),
    "password, quoted": planted('db_password: "…", user: x'),
    "password with spaces": planted('"adminPassword": "correct … staple"'),
    "a quote within a password": planted(r'"password": "ab\"…"'),
    "DSN of words": planted("host=db user=ibgu password=… dbname=x"),
    "DSN, single quotes": planted("host=db password='a …' sslmode=require"),
    "DSN as an address": planted("postgresql://ibgu:…@db.example.com:5432/ibgu"),
    "DSN with a slash": planted("postgresql://ibgu:a/…@db:5432/ibgu"),
    "DSN's sslpassword": planted("sslcert=/x.crt sslpassword=…"),
    "user alone in an address": planted("https://…@git.example.com/x.git"),
    "token in a query": planted("https://registry.example.com/v2/?token=…"),
    "client_secret": planted("grant_type=x&client_secret=…&scope=y"),
    "escaped client secret": planted("body%3Dx%26client_secret%3D…"),
    "API key": planted("x-api-key: …"),
    "access key in words": planted("access key: …"),
    "Slack webhook": planted("https://hooks.slack.com/services/T01/B02/…"),
    "Slack webhook, no scheme": planted("POST hooks.slack.com/services/T01/B02/… failed"),
    "Teams webhook": planted("https://x.webhook.office.com/webhookb2/…/IncomingWebhook/y"),
    "another's webhook": planted("https://chat.example.com/hooks/…"),
    "Logic Apps": planted("https://prod-1.westeurope.logic.azure.com/workflows/…/triggers"),
    "Telegram": planted("https://api.telegram.org/bot1234567:…/sendMessage"),
    "bearer": planted("Authorization: Bearer …"),
    "bearer alone": planted("sent Bearer …, refused"),
    "basic": encoded("admin:…").map(lambda found: (f"Basic {found[0]}", found[1])),
    "cookie": planted("Cookie: a=b; session=…; c=d"),
    "JWT": WORD.map(lambda found: b64encode(json.dumps({"sub": found}).encode()).decode())
    .map(lambda found: found.rstrip("="))
    .map(lambda found: (f"eyJhbGciOiJSUzI1NiJ9.{found}.c2ln", found)),
    "OpenShift token": planted("sha256~…", random(LETTERS + "-_", 43)),
    "private key": planted("-----BEGIN RSA PRIVATE KEY-----\n…\n-----END RSA PRIVATE KEY-----"),
    "private key, one line": planted(
        r"-----BEGIN PRIVATE KEY-----\n…\nabc\n-----END PRIVATE KEY-----\n"
    ),
    "private key, no end": planted("-----BEGIN OPENSSH PRIVATE KEY-----\n…\n"),
    "private key in base64": encoded("-----BEGIN EC PRIVATE KEY-----\n…\n"),
    "pull secret": planted('{"auths":{"quay.io":{"auth":"…","email":"x@example.com"}}}'),
    "pull secret in base64": encoded('{"auths":{"quay.io":{"auth":"…"}}}'),
    "kubeconfig": planted("users:\n- name: admin\n  user:\n    client-key-data: …\n"),
    "kubeconfig's token": planted("  user:\n    token: …\n"),
    "AWS key id": planted("AKIA…", random(string.ascii_uppercase, 16)),
    "AWS secret key": planted("aws_secret_access_key = …", random(LETTERS + "/+", 40)),
    "Azure account key": planted("AccountName=x;AccountKey=…==;EndpointSuffix=y"),
    "Azure SAS": planted("https://x.blob.core.windows.net/c?sv=2022&sig=…"),
    "Google key": planted("AIza…", random(LETTERS, 35)),
    "Google service account": planted('{"type": "service_account", "private_key": "x…"}'),
    "GitHub": planted("ghp_…", random(LETTERS, 36)),
    "GitHub, fine-grained": planted("github_pat_…", random(LETTERS, 50)),
    "GitLab": planted("glpat-…", random(LETTERS, 20)),
    "Slack": planted("xoxb-1234567890-…", random(LETTERS, 24)),
    "Stripe": planted("sk_live_…", random(LETTERS, 24)),
    "SendGrid": planted("SG.aaaaaaaaaaaaaaaaaaaaaa.…", random(LETTERS, 43)),
    "Twilio": planted("SK…", random(HEX, 32)),
    "npm": planted("//registry.npmjs.org/:_authToken=npm_…", random(LETTERS, 36)),
    "PyPI": planted("pypi-…", random(LETTERS, 60)),
    "Vault": planted("hvs.…", random(LETTERS, 30)),
    "Docker Hub": planted("dckr_pat_…", random(LETTERS, 27)),
    "htpasswd": planted("admin:$2y$05$…", random(LETTERS, 53)),
    "curl": planted("curl -u admin:… https://bmc.example.com"),
    "an option": planted("helper --token … --verbose"),
    "SQL": planted("ALTER ROLE ibgu PASSWORD '…'"),
    "netrc": planted("machine x login admin password …"),
    "XML": planted("<config><password>…</password></config>"),
    "environment in YAML": planted("- name: FIRST\n  value: …\n- name: SECOND\n"),
    "environment in JSON": planted('[{"name": "FIRST", "value": "…"}]'),
    "the value first": planted('{"value":"…","name":"FIRST"} and more'),
    "Secret in YAML": planted("kind: Secret\nmetadata: {name: x}\nstringData:\n  any: …\n"),
    "Secret in JSON": planted('applied {"kind":"Secret","data":{"any":"…"},"type":"Opaque"}'),
    "Secret below": planted(
        "kind: Secret\ndata: {}\nstringData:\n  any: |\n    one\n    …\nmore: x\n"
    ),
    "block in YAML": planted("password: |\n  …\n  more\nother: x\n"),
    "list in YAML": planted("tokens:\n- …\n- more\nother: x\n"),
} | ATTACKS
