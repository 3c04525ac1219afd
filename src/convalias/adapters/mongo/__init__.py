"""Records and their changes in MongoDB: a replica set of 5.0 or later, majority writes, majority reads."""

from convalias.extras import brought_by

with brought_by("mongo"):
    from convalias.adapters.mongo.changes import Changes
    from convalias.adapters.mongo.database import Database
    from convalias.adapters.mongo.errors import MongoError, UnusableStoreError
    from convalias.adapters.mongo.records import Records

__all__ = ["Changes", "Database", "MongoError", "Records", "UnusableStoreError"]
