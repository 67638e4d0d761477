"""What the agent may do: rules, command lines read, remembered answers, hooks and the audit log."""
