"""Pure values and rules: no files, no processes, no clock, no vendor library."""
