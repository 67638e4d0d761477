"""WorkBench: an agent in an office of five tables, judged by the state that it leaves."""
