"""The way from the legacy relay to the hub, per use case and conversation."""
