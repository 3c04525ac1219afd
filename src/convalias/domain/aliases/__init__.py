"""The addresses that stand for a conversation: what they are, how they are made and read back."""
