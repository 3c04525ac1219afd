"""The database of the tests: SQLite, or a PostgreSQL of whose address `TEST_POSTGRESQL` tells."""

import os

if server := os.environ.get("TEST_POSTGRESQL"):
    os.environ["DATABASE_URL"] = server.replace("postgresql://", "postgresql+asyncpg://")
os.environ["CONVALIAS_MAILGUN_SIGNING_KEY"] = "example"
