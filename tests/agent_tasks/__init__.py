"""The agent at tasks in a workspace whose end state can be checked: how many it solves, in how many minutes and tokens."""
