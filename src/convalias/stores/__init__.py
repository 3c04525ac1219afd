"""Typed stores over the `Records` port: what the library keeps, and under which conditional writes."""
