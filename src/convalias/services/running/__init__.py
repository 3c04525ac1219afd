"""What every worker needs: outages told from faults, log lines, and groups of tasks."""
