"""Rows that are over, removed."""
