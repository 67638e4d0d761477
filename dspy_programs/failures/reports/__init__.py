"""Reports for people and machines: terminal, JSON, HTML, SARIF, JUnit."""
