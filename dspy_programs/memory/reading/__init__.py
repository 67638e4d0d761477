"""What an agent needs of its messages: requests, deeds, decisions, facts, and results by field."""
