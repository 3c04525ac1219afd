"""Hears of each mail that anymail takes in."""

from importlib import import_module

from django.apps import AppConfig


class MailsConfig(AppConfig):
    name = "mails"

    def ready(self) -> None:
        """Connect the receiver."""
        import_module("mails.inbound")
