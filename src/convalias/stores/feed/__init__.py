"""Tables of readers of events."""
