"""What one deployment is: its domains, policy and keys, and the positions of its readers."""
