"""Publish events from the store to the event log."""
