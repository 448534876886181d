"""Limits of what a cluster sends back. The Job keeps to them, and the reader checks them."""

CHUNK = 32 * 1024
"""Characters of base64 in one value of the feedback."""
CHUNKS = 8
"""Values at most: 192 KiB compressed, which the hub stores once more in the ManifestWork's
status."""
LOG_BYTES = 512 * 1024
"""Newest bytes of one log. The Job halves it until all logs fit into the chunks."""
LOG_LINES = 20_000
"""Newest lines of one log."""
MAX_LOGS = 200
PLAIN_BYTES = 32 * 1024 * 1024
"""Bytes of all logs after decompression. Logs that compress better than 170 to 1 are refused."""
