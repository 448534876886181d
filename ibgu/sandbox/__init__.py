"""A real hub on one machine: kube-apiserver, etcd and Postgres, for the demo and the tests."""
