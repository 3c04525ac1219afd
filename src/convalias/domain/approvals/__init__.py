"""Held mail: its states, and the signed links by which participants decide about it."""
