"""The pure core: entities, rules, plans. Synchronous; no clock, no randomness, no I/O."""
