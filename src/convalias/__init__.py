"""Give every participant of a conversation an e-mail address, and turn the mail sent there into its messages."""
