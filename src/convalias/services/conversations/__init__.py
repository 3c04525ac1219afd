"""Commands on conversations: messages, participants and aliases."""
