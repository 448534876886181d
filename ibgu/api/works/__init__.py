"""The ManifestWorks by which ibgu acts on a cluster."""
