"""What an SDP offer of a player must be."""

from __future__ import annotations

import pytest

from lingen_live.serve.errors import HttpError
from lingen_live.serve.offer import check_offer, codec_of

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\n"
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=recvonly\r\n"


@pytest.mark.parametrize("sections", [VIDEO, AUDIO + VIDEO, VIDEO.replace("recvonly", "sendrecv")])
def test_players_pass(sections: str) -> None:
    check_offer(HEAD + sections)


@pytest.mark.parametrize(
    ("sdp", "words"),
    [
        ("", "begins with nothing"),
        ("<html>", "begins with '<html>'"),
        (HEAD, "asks for no media"),
        (HEAD + AUDIO, "asks for audio"),
        (HEAD + VIDEO * 5, "5 media sections; at most 4"),
        (HEAD + VIDEO + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", "'application'"),
        (HEAD + VIDEO.replace("recvonly", "sendonly"), "sendonly"),
        (HEAD + VIDEO.replace("recvonly", "inactive"), "inactive"),
    ],
)
def test_others_do_not(sdp: str, words: str) -> None:
    with pytest.raises(HttpError, match=words) as caught:
        check_offer(sdp)
    assert (caught.value.status, caught.value.code) == (400, "bad_sdp")


@pytest.mark.parametrize(("payload_types", "codec"), [("96 97 102", "VP8"), ("102 96", "H264")])
def test_the_first_codec_of_an_answer_is_the_one(payload_types: str, codec: str) -> None:
    maps = "a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:102 H264/90000\r\n"
    assert codec_of(f"{HEAD}m=video 9 UDP/TLS/RTP/SAVPF {payload_types}\r\n{maps}") == codec


def test_a_codec_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(ValueError, match="neither VP8 nor H264"):
        codec_of(f"{HEAD}m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=rtpmap:98 VP9/90000\r\n")
