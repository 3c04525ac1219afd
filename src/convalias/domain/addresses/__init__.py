"""E-mail addresses and names of people: what they are, and which two are the same."""
