"""What ibgu would have concluded beside TALM."""
