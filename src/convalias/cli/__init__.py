"""Offer the library on the command line."""
