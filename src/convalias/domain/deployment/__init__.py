"""Domains, policy and keys of a deployment, and the positions of its readers."""
