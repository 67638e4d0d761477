"""What is in a folder, at a glance: a map, outlines, a tree, the knowledge of it as data, its files and its tools."""
