"""A detector in memory: it finds what it was told to look for."""

from __future__ import annotations

from attrs import field, frozen

from convalias.domain.inbound.posts import Post
from convalias.domain.mail.checks import Checked, Finding
from convalias.ports.errors import Unavailable


@frozen(kw_only=True)
class Check:
    """Objects to mail whose bytes hold one of these."""

    spam: tuple[bytes, ...] = field(default=(b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X",))
    """The text that every spam filter objects to, if it is not given another."""
    harmful: tuple[bytes, ...] = (b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE",)
    """Part of the file that every virus scanner objects to."""
    away: bool = False

    async def check(self, raw: bytes, post: Post) -> Checked:
        """Harmful before spam. Raises `Unavailable` if it is away."""
        if self.away:
            raise Unavailable("check of mail")
        for finding, words in ((Finding.HARMFUL, self.harmful), (Finding.SPAM, self.spam)):
            for word in words:
                if word in raw:
                    return Checked(finding, word.decode("ascii", "backslashreplace"))
        return Checked(Finding.NOTHING)
