"""Name what the services need from outside, as small typed protocols without any I/O."""
