"""The smallest prompt that is as good as the whole one."""
