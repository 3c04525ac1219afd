"""What an operator sees and may do: advice, numbers, and the index by which a mail is found."""
