"""Grow a data set: seeds, new pairs, checks, a judge; what failed seeds the next cycle."""
