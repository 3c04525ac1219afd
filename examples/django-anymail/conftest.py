"""Django for the tests, which need no database."""

import os

import django

os.environ["ANYMAIL_WEBHOOK_SECRET"] = "anymail:example"
os.environ["ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY"] = "key-of-mailgun"
os.environ["DJANGO_SETTINGS_MODULE"] = "website.settings"
django.setup()
