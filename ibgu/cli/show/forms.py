"""Formats results for programs: `-o json` and `-o yaml`."""

import msgspec


def as_json(answer: object) -> str:
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()


def as_yaml(answer: object) -> str:
    import yaml

    plain = msgspec.to_builtins(answer)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).removesuffix("\n")
