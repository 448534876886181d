"""What a plan would do."""
