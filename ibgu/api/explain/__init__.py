"""Why a cluster has not finished, in sentences."""
