"""Change a folder's code, all or nothing, so that it can be undone."""
