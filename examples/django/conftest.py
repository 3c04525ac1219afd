"""Django for the tests: SQLite, or a PostgreSQL whose address is in `TEST_POSTGRESQL`; tables are made once."""

import os

import django
import pytest
from django.core.management import call_command

if server := os.environ.get("TEST_POSTGRESQL"):
    os.environ["DATABASE_URL"] = server
os.environ["CONVALIAS_MAILGUN_SIGNING_KEY"] = "example"
os.environ["DJANGO_SETTINGS_MODULE"] = "website.settings"
django.setup()
call_command("migrate", verbosity=0)


@pytest.fixture(autouse=True)
def empty_tables() -> None:
    """Begin each test with nobody and nothing."""
    call_command("flush", interactive=False, verbosity=0)
