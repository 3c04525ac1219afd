"""Tables of rollout flags."""
