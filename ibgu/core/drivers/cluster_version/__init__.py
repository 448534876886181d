"""The update of clusters to another release: what is sent to the cluster, what is read from it."""
