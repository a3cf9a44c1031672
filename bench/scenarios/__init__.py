"""What is measured, one file each: a function that takes the bench and returns a report."""
