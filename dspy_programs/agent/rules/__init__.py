"""What a goal's own words say, read by code alone: the calls that it spells out, when it is reached, what it leaves unsaid."""
