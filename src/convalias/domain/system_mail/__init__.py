"""Mail that the system itself writes: what it says, how often it may leave, and what each try makes of it."""
