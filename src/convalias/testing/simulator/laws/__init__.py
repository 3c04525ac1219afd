"""The invariants I1 to I8, each a generator of what breaks it, readable as the specification."""
