"""The way of a notification from an event to a channel."""
