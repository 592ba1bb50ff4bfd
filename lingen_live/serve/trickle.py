"""Candidates that are taken after an offer: an SDP fragment (RFC 8840) that a player sends, or some of an offer.

Read before any of it is believed. Pure; knows aiortc's candidate type only.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiortc import RTCIceCandidate
from aiortc.sdp import candidate_from_sdp

from lingen_live.serve.errors import HttpError

MAX_CANDIDATES = 64
_ADDRESS = 4
"""Which word of a candidate's line it is."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a player adds.

    Attributes:
        candidates: with the media section that they are for.
        is_last: whether no more will come.
        ufrag: of the ICE session they belong to, if it is said.
    """

    candidates: tuple[RTCIceCandidate, ...]
    is_last: bool
    ufrag: str | None


def parse_fragment(text: str) -> Fragment:
    """Read a fragment.

    Raises:
        HttpError: 400, with one sentence on what was got and what is accepted.
    """
    mid: str | None = None
    ufrag: str | None = None
    is_last = False
    candidates: list[RTCIceCandidate] = []
    for line in map(str.strip, text.splitlines()):
        name, _, value = line.removeprefix("a=").partition(":")
        match name:
            case "ice-ufrag":
                ufrag = value
            case "mid":
                mid = value
            case "end-of-candidates":
                is_last = True
            case "candidate":
                candidates.append(_candidate(value, mid))
    if len(candidates) > MAX_CANDIDATES:
        raise _refusal(f"The fragment has {len(candidates)} candidates; at most {MAX_CANDIDATES} are accepted.")
    # With an ICE name alone a player begins to restart; whoever knows the session answers that.
    if not candidates and not is_last and ufrag is None:
        raise _refusal("The fragment has neither a candidate nor an end of candidates; it must have one.")
    return Fragment(tuple(candidates), is_last, ufrag)


def without_names(offer_sdp: str) -> tuple[str, Fragment | None]:
    """An offer without the candidates that are mDNS names ("....local"), and these; None if it has none.

    Browsers hide their addresses behind such names. Where nobody answers for one, aiortc would wait for a second with
    all that follows, while the browser's own checks tell its address in milliseconds.
    """
    kept: list[str] = []
    named: list[RTCIceCandidate] = []
    is_last, section = False, -1
    for line in offer_sdp.splitlines():
        section += line.startswith("m=")
        is_end = line.strip() == "a=end-of-candidates"
        words = line.split(" ")
        if line.startswith("a=candidate:") and len(words) > _ADDRESS and words[_ADDRESS].endswith(".local"):
            candidate = _candidate(line.strip().removeprefix("a=candidate:"), None)
            candidate.sdpMLineIndex = section
            named.append(candidate)
        elif not is_end:
            kept.append(line)
        is_last = is_last or is_end
    if not named:
        return offer_sdp, None
    return "\r\n".join([*kept, ""]), Fragment(tuple(named[:MAX_CANDIDATES]), is_last, None)


def ufrag_of(sdp: str) -> str | None:
    """The first ICE username fragment of a description."""
    lines = (line.strip() for line in sdp.splitlines())
    return next((line.removeprefix("a=ice-ufrag:") for line in lines if line.startswith("a=ice-ufrag:")), None)


def _candidate(value: str, mid: str | None) -> RTCIceCandidate:
    try:
        candidate = candidate_from_sdp(value)
    except (AssertionError, ValueError, IndexError) as error:  # how aiortc says that a line is malformed
        raise _refusal(f"{value[:60]!r} is no candidate; 'foundation component protocol ...' is.") from error
    candidate.sdpMid = mid
    if mid is None:
        candidate.sdpMLineIndex = 0
    return candidate


def _refusal(message: str) -> HttpError:
    return HttpError(400, "bad_fragment", message)
