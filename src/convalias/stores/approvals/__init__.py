"""Tables of held mail."""
