"""Tables of mail that the platform itself writes."""
