"""`ibgu login`: where the REST API is, found once and kept."""
