"""From the store of events to the event log."""
