"""A simulator of the real services under virtual time, with faults at every port call."""
