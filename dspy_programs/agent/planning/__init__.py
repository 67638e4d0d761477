"""What is to be done: the ledger of tasks, and plans."""
