"""Findings for people and for other programs: table, JSON, SARIF, GitHub annotations."""
