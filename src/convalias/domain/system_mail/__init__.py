"""Mail that the system itself writes: its letters, its throttles, and the result of each try."""
