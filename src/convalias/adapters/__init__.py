"""Bind the ports to the outside, one subpackage for each thing that is bound."""
