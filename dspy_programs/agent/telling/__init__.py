"""What a run tells: the record, lines at a terminal, spans."""
