"""Wiring: settings and adapters to services, and the façade over them. Nothing is opened before it is entered."""
