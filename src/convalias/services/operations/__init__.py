"""Find, explain, replay, redrive and count, for the operator."""
