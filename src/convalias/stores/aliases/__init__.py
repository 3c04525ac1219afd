"""Tables of aliases and of the keys that made them."""
