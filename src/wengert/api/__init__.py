"""What users call. Start at `derivatives`."""
