"""Negotiation, lists of ETags and ranges, as RFC 9110 has them."""

import pytest
from hypothesis import given, strategies as st
from starlette.datastructures import Headers

from cuds.errors import StaleError
from cuds.service import conditional, ranges
from cuds.service.negotiation import media_type, negotiate
from cuds.service.problems import Problem

OFFERS = ("text/turtle", "application/ld+json", "application/n-triples", "application/json")


class Current:
    tag, number = "abc", 3


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "text/turtle"),
        ("*/*", "text/turtle"),
        ("application/*", "application/ld+json"),
        ("text/turtle;q=0, */*", "application/ld+json"),
        ("text/turtle;q=0.2, application/json;q=0.9", "application/json"),
        ("application/*;q=0.5, application/json;q=0.1, text/*;q=0.3", "application/ld+json"),
        ("TEXT/Turtle ; Q=0.5", "text/turtle"),
        ("text/turtle;charset=utf-8", "text/turtle"),
        ('application/ld+json;profile="http://www.w3.org/ns/json-ld#expanded, x"', "application/ld+json"),
        ("nonsense, application/json", "application/json"),
        ("application/json;q=1.5, text/turtle;q=0.1", "text/turtle"),
        (" , ,application/json", "application/json"),
    ],
)
def test_the_form_that_is_liked_best_is_sent(accept: str, wanted: str) -> None:
    assert negotiate(accept, OFFERS) == wanted


@pytest.mark.parametrize("accept", ["image/png", "*/*;q=0", "*/json", "text/turtle;level=1", "nonsense", "text/*;q=0"])
def test_what_is_not_accepted_is_not_sent(accept: str) -> None:
    with pytest.raises(Problem) as refused:
        negotiate(accept, OFFERS)
    assert (refused.value.status, refused.value.headers) == (406, {"Vary": "Accept"})
    assert "text/turtle" in refused.value.hint


@given(st.dictionaries(st.sampled_from(OFFERS), st.integers(0, 1000), min_size=1))
def test_weights_decide_and_among_equals_the_order_here(weights: dict[str, int]) -> None:
    accept = ", ".join(f"{media};q={q / 1000:.3f}" for media, q in weights.items())
    liked = max(weights.values())
    if liked == 0:
        with pytest.raises(Problem):
            negotiate(accept, OFFERS)
    else:
        assert negotiate(accept, OFFERS) == next(o for o in OFFERS if weights.get(o) == liked)


@given(st.text(alphabet='abz/*;,="q01. \t\\-é', max_size=60))
def test_no_header_is_more_than_taken_or_not(accept: str) -> None:
    if not accept.strip():
        return
    with pytest.raises(Problem) as refused:
        raise Problem("not-acceptable", negotiate(accept, OFFERS), hint="")
    assert refused.value.detail in OFFERS or "takes none" in refused.value.detail


def test_the_form_of_a_body_is_named_and_is_in_utf_8() -> None:
    assert str(media_type("text/turtle; charset=UTF-8", OFFERS)) == "text/turtle"
    for header in ("", "text/plain", "text/turtle; charset=latin-1", "text/turtle, text/plain"):
        with pytest.raises(Problem) as refused:
            media_type(header, OFFERS)
        assert refused.value.status == 415


TAG = st.text(alphabet=[chr(c) for c in (0x21, *range(0x23, 0x7F))], max_size=8)


@given(st.lists(st.tuples(st.booleans(), TAG), min_size=1, max_size=5), st.sampled_from([",", ", ", " , ,"]))
def test_lists_of_tags_are_read_as_they_are_written(listed: list[tuple[bool, str]], comma: str) -> None:
    header = comma.join(f'{"W/" * weak}"{tag}"' for weak, tag in listed)
    assert conditional.tags(header) == listed
    for weak, tag in listed:
        assert conditional.unchanged(Headers({"if-none-match": header}), f'"{tag}"')
        assert weak or conditional.still(Headers({"if-match": header}), f'"{tag}"')


@pytest.mark.parametrize("header", ["abc", '"a" "b"', '"a', 'w/"a"', '"a"b', '*, "a"', "**"])
def test_what_is_no_list_of_tags_is_refused(header: str) -> None:
    with pytest.raises(Problem) as refused:
        conditional.tags(header)
    assert refused.value.status == 400


def test_any_form_of_the_current_version_may_be_replaced() -> None:
    def of(current: Current | None, **headers: str) -> int:
        return conditional.expected(Headers({n.replace("_", "-"): v for n, v in headers.items()}), current)

    assert of(None) == 0
    assert of(None, if_none_match="*") == 0
    assert of(None, if_none_match='"abc-turtle"') == 0
    assert of(Current(), if_match="*") == 3
    assert of(Current(), if_match='"x-y", "abc-turtle"') == 3
    assert of(Current(), if_none_match='"other-json"') == 3
    for current, headers in [
        (None, {"if_match": "*"}),
        (None, {"if_match": '"abc-json"'}),
        (Current(), {"if_match": 'W/"abc-json"'}),
        (Current(), {"if_match": '"abcd-json"'}),
        (Current(), {"if_match": '"abc"'}),
        (Current(), {"if_none_match": "*"}),
        (Current(), {"if_none_match": 'W/"abc-json"'}),
    ]:
        with pytest.raises(StaleError):
            of(current, **headers)
    with pytest.raises(Problem) as refused:
        of(Current())
    assert refused.value.status == 428
    assert '"abc-json"' in refused.value.hint


@given(st.integers(1, 50), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=4))
def test_parts_are_those_of_the_whole(size: int, wanted: list[tuple[int, int]]) -> None:
    header = "bytes=" + ", ".join(f"{first}-{last}" for first, last in wanted)
    whole = bytes(range(size))
    said = [whole[first : last + 1] for first, last in wanted if first < size]
    if any(last < first for first, last in wanted):
        assert ranges.parts(header, size) is None
    elif not said:
        with pytest.raises(Problem) as refused:
            ranges.parts(header, size)
        assert refused.value.headers == {"Content-Range": f"bytes */{size}"}
    else:
        found = ranges.parts(header, size)
        if found is None:
            assert sum(map(len, said)) > size
        else:
            assert [whole[begin:end] for begin, end in found] == said


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("bytes=-3", [(7, 10)]),
        ("bytes=-30", [(0, 10)]),
        ("bytes=4-", [(4, 10)]),
        ("bytes=0-0,-1", [(0, 1), (9, 10)]),
        ("Bytes = 0-1", [(0, 2)]),
        ("lines=0-1", None),
        ("bytes=", None),
        ("bytes=a-b", None),
        ("bytes=1-0", None),
        ("bytes=" + ",".join(["0-0"] * 17), None),
        ("bytes=0-,0-", None),
    ],
)
def test_headers_of_parts(header: str, found: list[tuple[int, int]] | None) -> None:
    assert ranges.parts(header, 10) == found


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_parts_outside(header: str) -> None:
    with pytest.raises(Problem) as refused:
        ranges.parts(header, 10)
    assert refused.value.status == 416
