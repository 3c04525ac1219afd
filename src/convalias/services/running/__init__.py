"""Tell outages from faults, write log lines, and group tasks, for every worker."""
