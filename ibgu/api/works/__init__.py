"""What ibgu's ManifestWorks ask of a cluster."""
