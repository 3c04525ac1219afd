"""Use cases: gather facts, decide, carry out. Async and thin; what can be pure is in the domain."""
