"""What a guest can call: one file for each group of host functions."""
