"""What is kept about a mail on its way in, from receipt to outcome."""
