"""What an SDP offer of a WHEP player must be, checked before any of it is believed; and what was agreed on. Pure."""

from __future__ import annotations

import re

from lingen_live.serve.coded import CODECS, Codec
from lingen_live.serve.errors import HttpError

MAX_SDP_BYTES = 64 * 1024
MAX_SECTIONS = 4


def check_offer(sdp: str) -> None:
    """Refuse what cannot be the offer of a player.

    Raises:
        HttpError: 400, with one sentence on what was got and what is accepted.
    """
    lines = sdp.splitlines()
    if not lines or lines[0].strip() != "v=0":
        first = repr(lines[0][:40]) if lines else "nothing"
        raise _refusal(f"The body begins with {first}; an SDP offer begins with 'v=0'.")
    sections = _sections(lines)
    kinds = [section[0].removeprefix("m=").split(" ")[0] for section in sections]
    if len(kinds) > MAX_SECTIONS:
        raise _refusal(f"The offer has {len(kinds)} media sections; at most {MAX_SECTIONS} are accepted.")
    if foreign := [kind for kind in kinds if kind not in ("audio", "video")]:
        raise _refusal(f"The offer has a section of {foreign[0][:40]!r}; WHEP carries video, and /ws the controls.")
    if "video" not in kinds:
        raise _refusal(f"The offer asks for {', '.join(kinds) or 'no media'}; it must ask for video.")
    video = [line.strip() for line in sections[kinds.index("video")]]
    for direction in ("a=sendonly", "a=inactive"):
        if direction in video:
            raise _refusal(f"The video section is {direction.removeprefix('a=')}; a player's is recvonly.")


def codec_of(answer_sdp: str) -> Codec:
    """The codec of the video in an answer: the first of its list.

    Raises:
        ValueError: it is none of ours.
    """
    lines = answer_sdp.splitlines()
    video = next(section for section in _sections(lines) if section[0].startswith("m=video"))
    payload_type = video[0].split(" ")[3]
    for codec in CODECS:
        if f"a=rtpmap:{payload_type} {codec}/90000" in video:
            return codec
    raise ValueError(f"The first codec of {video[0]!r} is neither VP8 nor H264.")


def choice_of(answer_sdp: str, preferred: Codec) -> Codec:
    """The codec that is sent to whoever answered an offer of ours: the preferred one if they take it.

    Raises:
        ValueError: they take none.
    """
    for codec in sorted(CODECS, key=lambda codec: codec != preferred):
        if re.search(rf"^a=rtpmap:\d+ {codec}/90000\s*$", answer_sdp, re.MULTILINE | re.IGNORECASE):
            return codec
    raise ValueError("it takes neither VP8 nor H264")


def _sections(lines: list[str]) -> list[list[str]]:
    """Lines of each media section, the m-line first."""
    sections: list[list[str]] = []
    for line in lines:
        if line.startswith("m="):
            sections.append([line])
        elif sections:
            sections[-1].append(line)
    return sections


def _refusal(message: str) -> HttpError:
    return HttpError(400, "bad_sdp", message)
