"""Rewrites code where the mend surely does the same: comments and layout stay."""
