"""Puts the names of a rollout and a cluster into the commands that a text proposes."""

import re

_COMMAND = re.compile(r"`ibgu [^`]*`")


def named_commands(text: str, namespace: str, rollout: str, cluster: str = "") -> str:
    """Returns the text with these names where its commands have NAME and CLUSTER, so that they can
    be copied. An empty name leaves the word as it is."""

    def named(command: re.Match[str]) -> str:
        words = command[0]
        if rollout:
            words = re.sub(r"\bNAME\b", f"{rollout} -n {namespace}", words)
        return re.sub(r"\bCLUSTER\b", cluster, words) if cluster else words

    return _COMMAND.sub(named, text)
