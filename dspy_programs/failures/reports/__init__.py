"""What was found, for people and for machines: terminal, JSON, HTML, SARIF, JUnit."""
