"""Held mail and the answers to it."""
