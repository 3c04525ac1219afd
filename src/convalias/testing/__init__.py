"""Let users of the library test their own rules, adapters and workers."""
