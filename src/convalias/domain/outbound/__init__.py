"""Notifications: who delivers one, what state a delivery is in, and what stops it."""
