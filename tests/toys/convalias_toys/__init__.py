"""A distribution of somebody else: a store, a sender and a door, each a file and a line of its metadata."""
