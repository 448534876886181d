"""The leadership of the hub: which controller leads."""
