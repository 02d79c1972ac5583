"""Which form of several is sent, and in which one something came (RFC 9110, 12.5.1 and 8.3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cuds.service.problems import Problem

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PARAMETER = re.compile(rf"\s*;\s*(?:({_TOKEN})\s*=\s*({_TOKEN}|{_QUOTED}))?")
_RANGE = re.compile(rf"\s*({_TOKEN})/({_TOKEN})")
_Q = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
_OF_TEXT = {"charset", "profile", "version"}  # parameters that do not make another form
_LONGEST = 4000  # characters of a header that is looked at


@dataclass(frozen=True)
class Media:
    """A media type, or a range of them, with its parameters and its weight."""

    type: str
    subtype: str
    parameters: dict[str, str] = field(default_factory=dict)
    q: float = 1.0

    def __str__(self) -> str:
        return f"{self.type}/{self.subtype}"

    def fits(self, other: "Media") -> int:
        """Return how closely a range fits a type: 0 for not at all."""
        own = {n: v for n, v in self.parameters.items() if n not in _OF_TEXT}
        if not own.items() <= other.parameters.items():
            return 0
        if (self.type, self.subtype) == ("*", "*"):
            return 1
        if self.type != other.type or self.subtype not in ("*", other.subtype):
            return 0
        return 2 if self.subtype == "*" else 3 + len(own)


def negotiate(accept: str, offers: Sequence[str]) -> str:
    """Return the offer that is liked best; the first one among equals, or where nothing is said.

    The closest range says how much an offer is liked: ``text/turtle;q=0, */*`` takes anything but Turtle. What cannot
    be read is passed over.

    Parameters
    ----------
    accept : str
        The header Accept; several of them joined by commas.
    offers : sequence of str
        Media types, the ones liked best here first.

    Raises
    ------
    Problem
        When none is accepted (406).
    """
    ranges = [m for part in _split(accept[:_LONGEST]) if (m := _media(part)) is not None]
    if not accept.strip():
        return offers[0]
    best, liked = "", 0.0
    for offer in offers:
        media = _media(offer)
        assert media is not None
        fitting = [(closeness, m.q) for m in ranges if (closeness := m.fits(media))]
        if fitting and (q := max(fitting, key=lambda f: f[0])[1]) > liked:
            best, liked = offer, q
    if not best:
        raise Problem(
            "not-acceptable",
            f"Accept: {accept[:200]!r} takes none of the forms there are",
            hint=f"offered: {', '.join(offers)}",
            headers={"Vary": "Accept"},
            offered=list(offers),
        )
    return best


def media_type(header: str, taken: Sequence[str]) -> Media:
    """Return the media type of a body.

    Parameters
    ----------
    header : str
        The header Content-Type.
    taken : sequence of str
        What may come.

    Raises
    ------
    Problem
        When it is none of them, or its text is not in UTF-8 (415).
    """
    media = _media(header)
    said = header.strip()[:200] or "none"
    if media is None or str(media) not in taken:
        raise Problem(
            "media-type",
            f"Content-Type: {said} is not taken here",
            hint=f"send {', '.join(taken)}",
            headers={"Accept": ", ".join(taken)},
            taken=list(taken),
        )
    charset = media.parameters.get("charset", "utf-8").lower()
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise Problem("media-type", f"the charset {charset} is not taken", hint="send text in UTF-8", taken=list(taken))
    return media


def _split(header: str) -> list[str]:
    """Return the elements of a list; commas between quotes separate nothing."""
    return [e for e in re.findall(rf'(?:{_QUOTED}|[^",])+', header) if e.strip()]


def _media(text: str) -> Media | None:
    """Return a media type or range; None for what is none."""
    begun = _RANGE.match(text)
    if begun is None or (begun[1] == "*" and begun[2] != "*"):
        return None
    place, parameters, q = begun.end(), dict[str, str](), 1.0
    while (found := _PARAMETER.match(text, place)) is not None and found.end() > place:
        place = found.end()
        if found[1] is None:
            continue
        name, value = found[1].lower(), found[2]
        value = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        if name == "q":
            if not _Q.match(value):
                return None
            q = float(value)
        else:
            parameters[name] = value
    if text[place:].strip():
        return None
    return Media(begun[1].lower(), begun[2].lower(), parameters, q)
