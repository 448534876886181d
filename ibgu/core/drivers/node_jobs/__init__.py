"""Jobs on a node of a cluster, and the backup that one of them takes, for every kind of change."""
