"""The records of shadow mode about TALM."""
