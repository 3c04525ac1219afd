"""Advice and numbers for the operator, and the index by which a mail is found."""
