// Package sandbox holds the versions of everything that the sandbox hub is built from.
package sandbox

// The hub's ManagedCluster and ManifestWork definitions are files of these packages. The imports
// keep the module in go.mod; nothing of it is compiled into the tools.
import (
	_ "open-cluster-management.io/api/cluster/v1"
	_ "open-cluster-management.io/api/work/v1"
)
