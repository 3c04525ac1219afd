"""Rollout of a use case from the legacy relay to the hub."""
