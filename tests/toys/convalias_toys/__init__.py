"""A distribution of somebody else: a store, a sender, a door and a channel, each a file and a line of its metadata."""
