"""The agent: plans, acts with tools in a workspace, checks, and reports."""
