"""For the operator: find, explain, replay, redrive, count."""
