"""Settings of the chat: SQLite, or a PostgreSQL that `DATABASE_URL` names."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent
# For trying out: without SECRET_KEY, pages show errors in full. Only the hosts named here are answered.
SECRET_KEY = os.environ.get("SECRET_KEY", "for trying out alone")
DEBUG = "SECRET_KEY" not in os.environ
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "chat"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.csrf.CsrfViewMiddleware"]
ROOT_URLCONF = "website.urls"
WSGI_APPLICATION = "website.wsgi.application"
USE_TZ = True

DATABASES: dict[str, dict[str, Any]]
if url := os.environ.get("DATABASE_URL"):
    at = urlsplit(url)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": at.path[1:],
            "USER": at.username,
            "PASSWORD": at.password or "",
            "HOST": at.hostname,
            "PORT": at.port or 5432,
        }
    }
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": BASE_DIR / "db.sqlite3",
            # A transaction that reads and then writes would fail where another one wrote in between.
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
    }
