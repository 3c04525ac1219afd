"""Conversations: their events, their participants, and the state that the events add up to."""
