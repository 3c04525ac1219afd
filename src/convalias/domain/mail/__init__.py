"""A mail as the rules see it: envelope, evidence of its sender, signs of automation, identity."""
