"""Settings of a website that takes mail in by anymail, whatever the provider."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
# For trying out: without SECRET_KEY, pages show errors in full. Only the hosts named here are answered.
SECRET_KEY = os.environ.get("SECRET_KEY", "for trying out alone")
DEBUG = "SECRET_KEY" not in os.environ
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
INSTALLED_APPS = ["anymail", "mails"]
ROOT_URLCONF = "website.urls"
WSGI_APPLICATION = "website.wsgi.application"
USE_TZ = True

ANYMAIL = {
    # Of providers that sign nothing this is the only proof: https://anymail:<the rest>@your.host/anymail/...
    "WEBHOOK_SECRET": os.environ["ANYMAIL_WEBHOOK_SECRET"],
    # Mailgun signs with a key of its own.
    "MAILGUN_WEBHOOK_SIGNING_KEY": os.environ.get("ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY"),
}
# A mail with its files, as providers post it. Django's own bound of 2.5 MB would refuse what people send.
DATA_UPLOAD_MAX_MEMORY_SIZE = 50_000_000
