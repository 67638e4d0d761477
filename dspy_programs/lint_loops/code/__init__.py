"""Python code as the detectors see it: loops, names, kinds of values, and what a pass of a loop may change."""
