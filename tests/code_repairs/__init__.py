"""The rows of code_editor as a benchmark of repairs: how many are solved, by rules, by small repairs, and on a model."""
