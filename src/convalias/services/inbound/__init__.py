"""The way of a mail from receipt to outcome."""
