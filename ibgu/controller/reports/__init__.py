"""Reports to people: statuses, Events, the log and the metrics."""
