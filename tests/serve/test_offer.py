"""What an SDP offer of a player must be."""

from __future__ import annotations

import pytest

from lingen_live.serve.errors import HttpError
from lingen_live.serve.offer import check_offer

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
