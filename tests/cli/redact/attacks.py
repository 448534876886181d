"""Forms in which secrets have left, or were tried to: commands, connections, headers, files."""

import json
from collections.abc import Callable
from typing import Any

from tests.cli.redact.forms import HEX, LETTERS, WORD, Planted, encoded, planted, random

_COMMANDS = {
    "curl, glued": "curl -uadmin:… https://bmc.example.com",
    "curl, quoted": "curl -k -u 'admin:…' https://bmc.example.com",
    "curl, proxy": "curl -U admin:… https://bmc.example.com",
    "curl, a cookie": "curl -b 'sid=…' https://bmc.example.com",
    "curl, a header": "curl -H 'X-Api-Key: …' https://x.example.com",
    "curl, as Python says it": "['curl', '-s', '-u', 'admin:…', 'https://x.example.com']",
    "mysql": "mysql -h db -uroot -p… ibgu",
    "mysqldump, quoted": "mysqldump -u root -p'a …' ibgu",
    "sshpass": "sshpass -p … ssh core@10.0.0.1",
    "sshpass, glued": "sshpass -p… ssh core@10.0.0.1",
    "sshpass, its variable": "SSHPASS=… sshpass -e ssh core@10.0.0.1",
    "oc login": "oc login -u kubeadmin -p … https://api.hub:6443",
    "podman login": "podman login quay.io -u x -p '…' failed",
    "skopeo": "skopeo copy --src-creds x:… docker://quay.io/a docker://quay.io/b",
    "ipmitool": "ipmitool -I lanplus -H bmc -U admin -P … power status",
    "racadm": "racadm -r 10.0.0.1 -u root -p … getsysinfo",
    "redis-cli": "redis-cli -h cache -a … ping",
    "ldapsearch": "ldapsearch -D cn=x -w … -b dc=x",
    "openssl": "openssl rsa -in x.pem -passin pass:…",
    "keytool": "keytool -list -storepass … -keystore x.jks",
    "oc create secret": "oc create secret generic x --from-literal=any=… -n y",
    "oc create secret, apart": "oc create secret generic x --from-literal any=… -n y",
    "chpasswd": "echo 'core:…' | chpasswd",
    "passwd": "echo … | passwd --stdin core",
    "aws configure": "aws configure set aws_secret_access_key …",
    "psql": "PGPASSWORD=… psql -h db -U ibgu",
    "helm": "helm install x --set db.password=… --wait",
    "java": "java -Ddb.password=… -jar x.jar",
    "export": 'export AWS_SECRET_ACCESS_KEY="…"',
}
_CONNECTIONS = {
    "AMQP with a blank": "amqp: ibgu:…@rabbit:5672 refused",
    "AMQP": "amqps://ibgu:…@rabbit/vhost",
    "no scheme": "dial ibgu:…@db.example.com:5432 failed",
    "no scheme, an @ in it": "dial ibgu:a@…@db.example.com failed",
    "MySQL's DSN": "root:…@tcp(127.0.0.1:3306)/ibgu?parseTime=true",
    "Mongo": "mongodb+srv://ibgu:…@cluster0.example.com/x?retryWrites=true",
    "Redis": "redis://:…@cache:6379/0",
    "JDBC": "jdbc:postgresql://db:5432/ibgu?user=x&password=…&ssl=true",
    "JDBC, SQL Server": "jdbc:sqlserver://db:1433;user=sa;password=…;encrypt=true",
    "JDBC, Oracle": "jdbc:oracle:thin:scott/…@//db:1521/ibgu",
    "ODBC": "Driver={PostgreSQL};Server=db;Uid=x;Pwd=…;",
    "ODBC in braces": "Driver={PostgreSQL};UID=sa;PWD={…};Database=x",
    "ODBC, a brace in braces": "UID=sa;PWD={a}}…};Database=x",
    "braces": "password={…}",
    "pgpass": "db.example.com:5432:ibgu:ibgu:…",
    "Azure queue": "Endpoint=sb://x/;SharedAccessKeyName=y;SharedAccessKey=…",
    "SAS, no scheme": "GET x.blob.core.windows.net/c?sv=2022&sig=…&se=2030",
    "AWS, signed": "https://b.s3.amazonaws.com/k?X-Amz-Credential=x&X-Amz-Signature=…",
    "pip": "index-url = https://__token__:…@pypi.example.com/simple",
}
_HEADERS = {
    "Go's header": "map[Accept:[*/*] Authorization:[Bearer …]]",
    "Go's header, a key": "map[X-Api-Key:[…] Accept:[*/*]]",
    "Go's cookie": "Header:map[Cookie:[sid=…; a=b]]",
    "h11's header": "headers=[(b'host', b'x'), (b'x-api-key', b'…')]",
    "requests' headers": "{'X-Auth-Token': '…', 'Accept': '*/*'}",
    "Set-Cookie": "Set-Cookie: sid=…; Path=/; HttpOnly",
    "session id": "GET /x JSESSIONID=… refused",
    "proxy": "Proxy-Authorization: Digest username=x, response=…",
    "GitLab's header": "PRIVATE-TOKEN: …",
    "Vault's header": "X-Vault-Token: …",
    "Google's header": "x-goog-api-key: …",
    "AWS's header": "Authorization: AWS4-HMAC-SHA256 Credential=x/y, Signature=…",
    "an odd scheme": "authorization=ApiKey …",
    "CSRF": "X-CSRFToken: …",
}
_FILES = {
    "secrets in YAML's flow": "{secrets: {db: …}}",
    "secrets in YAML": "secrets:\n  db: …\nother: x\n",
    "secrets in JSON": '{"secrets": {"db": "…", "x": {"y": "…"}}}',
    "secrets in lines of JSON": '{\n  "secrets": {\n    "db": "…"\n  },\n  "x": 1\n}',
    "secrets in a list": "secrets: [first, '…']",
    "a bracket in a list": 'tokens: ["a]…"]',
    "a brace in braces": '{"credentials": {"a": "b}…"}}',
    "secrets in Python": "{'app_secrets': {'db': '…'}}",
    "one quote doubled": "password='it''s …'",
    "one quote doubled, double quotes": 'password="it""s …"',
    "on the next line": "password = \n …",
    "on the next line, at its begin": "password =\n…\nuser = x",
    "on the next line, YAML": "password:\n  …\nuser: x",
    "SecretList in JSON": 'got {"kind":"SecretList","items":[{"type":"x","data":{"any":"…"}}]}',
    "an item in JSON": 'got {"metadata":{"name":"x"},"type":"Opaque","data":{"any":"…"}}',
    "SecretList in YAML": "kind: SecretList\nitems:\n- type: Opaque\n  data:\n    any: …\n",
    "data in YAML's flow": "kind: Secret\ndata: {any: …}\n",
    "dockerconfigjson": '.dockerconfigjson: {"auths":{"quay.io":{"password":"…"}}}',
    "auths in YAML": "auths:\n  quay.io:\n    auth: …\n",
    "kubeconfig's password": "users:\n- name: x\n  user: {username: x, password: …}\n",
    "PEM, indented": "x:\n    -----BEGIN PRIVATE KEY-----\n    …\n    -----END PRIVATE KEY-----",
    "PEM, escaped twice": r"-----BEGIN PRIVATE KEY-----\\n…\\n-----END PRIVATE KEY-----\\n",
    "PEM, carriage returns": "-----BEGIN PRIVATE KEY-----\r\n…\r\n-----END PRIVATE KEY-----",
    "PEM in a form": "key=-----BEGIN+PRIVATE+KEY-----%0A…%0A-----END+PRIVATE+KEY-----",
    "PuTTY": "PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 2\n…\nabc\nPrivate-MAC: x\n",
    "netrc in lines": "machine x\nlogin admin\npassword …\n",
    "npmrc": "//registry.example.com/:_password=…",
    "Redis' configuration": "requirepass …",
    "Ansible": "ansible_become_pass: …",
    "BMC": "bmc: {address: redfish://x, username: root, password: …}",
    "Cisco": "username admin password 7 …",
    "DBPASS": "dbpass=…",
    "XML with an attribute": '<wsse:Password Type="text">…</wsse:Password>',
    "XML entry": '<entry key="db.password">…</entry>',
    "HTML": "&quot;password&quot;: &quot;…&quot;",
    "escaped quotes": r"{\u0022password\u0022:\u0022…\u0022}",
    "escaped twice for an address": "body%253Dx%2526password%253D…",
    "Rust": 'Config { password: Some("a …"), user: "x" }',
    "Python's bytes": "connect(password=b'a …')",
    "SecretStr": "Settings(password=SecretStr('…'))",
    "a table": "| password | … |",
    "an arrow": "password -> …",
    "in a sentence": "the password is …",
    "after a colon": "the password is: …",
    "activation key": "subscription-manager register --activationkey=…",
    "SAML": "POST /acs SAMLResponse=…&RelayState=x",
    "authorization code": "GET /callback?code=…&state=x",
    "code after the state": "GET /callback?state=x&code=…",
    "kubeadmin": 'Login with user: "kubeadmin", and password: "…"',
    "SQL function": "SET PASSWORD FOR x = PASSWORD('…')",
    "Oracle": 'ALTER USER x IDENTIFIED BY "…"',
}

ATTACKS: dict[str, Planted] = {
    name: planted(form) for name, form in (_COMMANDS | _CONNECTIONS | _HEADERS | _FILES).items()
} | {
    "user and password in base64": encoded("admin:…"),
    "Go's header, basic": encoded("admin:…").map(
        lambda found: (f"map[Authorization:[Basic {found[0]}]]", found[1])
    ),
    **{
        f"{word}, then it": planted(f"login root {word} … refused", WORD.map("{}7".format))
        for word in ("pass", "passcode", "passphrase", "passwd", "rootpw", "rootpw --plaintext")
    },
    "a token of hex digits": planted("token … expired", random(HEX, 32)),
    "routing key": planted("routing_key: …", random(HEX, 32)),
    "integration key": planted("integration_key=…", random(HEX, 32)),
    "Digest": planted('username="x", response="…", qop=auth', random(HEX, 32)),
    "SMTP": encoded("\0admin\0…").map(lambda found: (f"AUTH PLAIN {found[0]}", found[1])),
    "crypt": planted("core:$6$salt$…:19000:0:99999:7:::", random(LETTERS, 86)),
    "SHA htpasswd": planted("admin:{SHA}…=", random(LETTERS, 27)),
    "kubeadm's token": random("0123456789abcdef", 15).map(
        lambda found: (f"join abcdef.{found}0", found)
    ),
    "JWT in a query": WORD.map(lambda found: (f"id_token=eyJhbGciOi.{found}.{found}", found)),
}


OBJECTS: dict[str, Callable[[str], Any]] = {
    "secrets": lambda secret: {"secrets": {"db": secret, "more": [{"x": secret}]}},
    "a list of secrets": lambda secret: {"appSecrets": [secret, {"name": "x", "key": secret}]},
    "SecretList": lambda secret: {
        "kind": "SecretList",
        "items": [{"metadata": {"name": "x"}, "type": "Opaque", "data": {"any": secret}}],
    },
    "an item without its list": lambda secret: {"type": "Opaque", "data": {"any": secret}},
    "an item without its type": lambda secret: [{"metadata": {}, "data": {"any": secret}}],
    "ConfigMapList": lambda secret: {
        "kind": "ConfigMapList",
        "items": [{"data": {"any": secret}, "binaryData": {"other": secret}}],
    },
    "kubeconfig in a ConfigMap": lambda secret: {
        "kind": "ConfigMap",
        "data": {"kubeconfig": f"users:\n- name: x\n  user:\n    token: {secret}\n"},
    },
    "dockerconfigjson in an annotation": lambda secret: {
        "metadata": {"annotations": {".dockerconfigjson": json.dumps({"auths": secret})}}
    },
    "the last applied configuration": lambda secret: {
        "metadata": {"annotations": {"ibgu.dev/note": json.dumps({"stringData": {"a": secret}})}}
    },
    "arguments": lambda secret: {"args": ["mysql", "-u", "root", f"-p{secret}"]},
    "arguments, apart": lambda secret: {"command": ["sshpass", "-p", secret, "ssh"]},
    "arguments of curl": lambda secret: {"command": ["curl", "-u", f"admin:{secret}"]},
    "arguments of oc": lambda secret: ["oc", "create", "--from-literal", f"any={secret}"],
    "an option": lambda secret: ["helper", "--api-token", secret],
    "a shell": lambda secret: {"command": ["sh", "-c", f"mysql -p{secret} ibgu"]},
    "headers": lambda secret: {"headers": {"X-Api-Key": [secret], "Cookie": f"a={secret}"}},
    "a pair with capitals": lambda secret: {"Name": "ANY", "Value": secret},
    "a pair of another kind": lambda secret: {"header": "x-api-key", "content": secret},
    "environment": lambda secret: {"env": [{"name": "PGHOST", "value": f"x {secret}"}]},
}
"""Objects, not texts."""
