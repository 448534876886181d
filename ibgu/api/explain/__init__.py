"""Why a cluster is not further, in sentences."""
