"""Records about a mail from receipt to outcome."""
