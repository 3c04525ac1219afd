"""Detectors of spam and viruses, by URL: SpamAssassin's spamd, ClamAV's clamd."""

from convalias.adapters.detectors.clamd import Clamd
from convalias.adapters.detectors.errors import UnusableDetectorError
from convalias.adapters.detectors.place import Limits, Place
from convalias.adapters.detectors.spamd import Spamd

__all__ = ["Clamd", "Limits", "Place", "Spamd", "UnusableDetectorError"]
