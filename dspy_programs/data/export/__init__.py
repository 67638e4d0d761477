"""Pairs out of a data set, as files to train with: any format, filtered, split so that what is alike stays together."""
