"""What the commands call themselves when they ask the REST API."""

USER_AGENT = "ibgu-cli"
