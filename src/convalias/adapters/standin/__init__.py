"""The stand-in legacy relay of a deployment whose machines share a store: it lies in that store."""

from convalias.adapters.standin.legacy import Before, LegacyRelay, TakeOver

__all__ = ["Before", "LegacyRelay", "TakeOver"]
