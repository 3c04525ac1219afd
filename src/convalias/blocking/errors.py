"""Refusals of calls without `await`, raised before anything is done."""


class BlockingError(RuntimeError):
    """Base of what is wrong about a call without `await`; never raised itself."""


class InsideLoop(BlockingError):
    """Raised in a thread that runs an event loop: waiting there would stop all that runs in it."""


class NotAfterFork(BlockingError):
    """Raised in the child of a fork, if the parent had opened what no other process can open for itself."""


class NoBackground(BlockingError):
    """Raised if the background thread does not begin: this process lets no thread run."""
