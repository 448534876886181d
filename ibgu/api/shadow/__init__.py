"""What shadow mode saw of TALM."""
