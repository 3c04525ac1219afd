"""What the stores raise besides what their ports raise."""


class StoreError(Exception):
    """Base of all that the stores raise themselves; never raised itself."""


class Contended(StoreError):
    """A record was changed by others at every one of many tries. Trying again later is right."""


class NoFreeAddress(StoreError):
    """Every address that was drawn is taken or was thrown away: the random source or the format is at fault."""
