"""Why the run of an agent failed: traces from any framework in, causes, fixes and reports out."""
