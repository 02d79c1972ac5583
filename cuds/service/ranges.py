"""Parts of what is sent: the header Range (RFC 9110, 14)."""

import re

from cuds.service.problems import Problem

_PART = re.compile(r"([0-9]{1,19})-([0-9]{0,19})|-([0-9]{1,19})")
MOST = 16  # parts; who wants more gets the whole
Part = tuple[int, int]  # from the first byte to before the last one


def parts(header: str, size: int) -> list[Part] | None:
    """Return the parts that are wanted, in the order asked for; None for the whole.

    A header of another unit, of no form, or with many parts is passed over, as the standard lets one do.

    Parameters
    ----------
    header : str
        The header Range.
    size : int
        Of the whole, in bytes.

    Raises
    ------
    Problem
        When all of them lie outside (416).
    """
    unit, equals, listed = header.partition("=")
    if unit.strip().lower() != "bytes" or not equals:
        return None
    said = [s.strip() for s in listed.split(",") if s.strip()]
    matched = [_PART.fullmatch(s) for s in said]
    if not said or len(said) > MOST or None in matched:
        return None
    found = []
    for match in matched:
        assert match is not None
        part = _part(match, size)
        if part is None:
            return None
        if part[0] < part[1]:
            found.append(part)
    if not found:
        raise Problem(
            "range",
            f"Range: {header[:100]} lies outside of the {size} bytes there are",
            hint=f"ask for bytes of 0 to {size - 1}",
            headers={"Content-Range": f"bytes */{size}"},
            size=size,
        )
    return None if _wasteful(found, size) else found


def _part(match: re.Match[str], size: int) -> Part | None:
    """Return a part, empty when it lies outside; None when it ends before it begins."""
    if match[3] is not None:
        return max(0, size - int(match[3])), size
    first = int(match[1])
    last = int(match[2]) if match[2] else max(size - 1, first)
    if last < first:
        return None
    return min(first, size), min(last + 1, size)


def _wasteful(found: list[Part], size: int) -> bool:
    """Whether parts overlap so that they are more than the whole."""
    return len(found) > 1 and sum(end - begin for begin, end in found) > size
