"""Tables of conversations: events, threads, accounts."""
