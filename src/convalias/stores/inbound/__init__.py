"""Tables about mail that came in."""
