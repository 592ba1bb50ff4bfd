"""Every message in, good and bad, and every event out."""

from __future__ import annotations

import json

import pytest

from lingen_live.engine.events import Event, Start, words_of
from lingen_live.engine.scenario import MadeWith, Scenario
from lingen_live.serve import protocol
from lingen_live.serve.errors import ProtocolError
from lingen_live.serve.parse import parse_control, parse_hello
from lingen_live.serve.protocol import Control

MADE_WITH = MadeWith("fake", "0" * 64, "float32", "cpu", 1)
SCENARIO = Scenario(Start(7, (words_of("a day"),)), (Event(2, "cut", words_of("night")),), 4, MADE_WITH)


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ('{"type":"steer","id":1,"prompt":" snow "}', protocol.SteerControl(1, "snow", None)),
        ('{"type":"steer","id":0,"prompt":"snow","chunks":16}', protocol.SteerControl(0, "snow", 16)),
        ('{"type":"cut","id":2,"prompt":"sea"}', protocol.CutControl(2, "sea")),
        ('{"type":"pause","id":3}', protocol.PauseControl(3)),
        ('{"type":"resume","id":4}', protocol.ResumeControl(4)),
        ('{"type":"seed","id":5,"seed":4294967295}', protocol.SeedControl(5, 2**32 - 1)),
        ('{"type":"reset","id":9007199254740991}', protocol.ResetControl(2**53 - 1)),
        (
            '{"type":"blend","id":6,"parts":[["snow",1],["sea",3]],"chunks":4}',
            protocol.BlendControl(6, (("snow", 0.25), ("sea", 0.75)), 4),
        ),
        ('{"type":"reanchor","id":7,"prompt":"snow","chunks":5}', protocol.ReanchorControl(7, "snow", 5)),
        ('{"type":"seek","id":8,"chunk_index":12}', protocol.SeekControl(8, 12)),
        ('{"type":"fork","id":9}', protocol.ForkControl(9)),
        ('{"type":"fork","id":9,"chunk_index":3,"name":"by night"}', protocol.ForkControl(9, 3, "by night")),
        ('{"type":"switch","id":10,"branch_id":2}', protocol.SwitchControl(10, 2)),
        ('{"type":"delete","id":11,"branch_id":2}', protocol.DeleteControl(11, 2)),
        ('{"type":"schedule","id":12,"prompt":"sea","chunk_index":9}', protocol.ScheduleControl(12, 9, "sea")),
        (
            '{"type":"schedule","id":12,"prompt":"sea","chunk_index":9,"verb":"cut","chunks":2}',
            protocol.ScheduleControl(12, 9, "sea", None, "cut", 2),
        ),
        (
            '{"type":"schedule","id":12,"parts":[["sea",3],["night",1]],"chunk_index":9}',
            protocol.ScheduleControl(12, 9, None, (("sea", 0.75), ("night", 0.25))),
        ),
        ('{"type":"reschedule","id":13,"plan_id":1,"chunk_index":7}', protocol.RescheduleControl(13, 1, 7)),
        ('{"type":"unschedule","id":14,"plan_id":1}', protocol.UnscheduleControl(14, 1)),
        ('{"type":"load","id":15,"upload":"abc"}', protocol.LoadControl(15, "abc")),
        (
            '{"type":"scenario","id":16,"scenario":' + json.dumps(SCENARIO.to_json()) + "}",
            protocol.ScenarioControl(16, SCENARIO),
        ),
    ],
)
def test_controls(text: str, control: Control) -> None:
    assert parse_control(text) == control


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('{"type":"blend","id":1,"parts":[["snow",0]]}', "bad_scenario", "weight of 0"),
        ('{"type":"blend","id":1,"parts":[["",1]]}', "bad_scenario", "empty"),
        ('{"type":"blend","id":1,"parts":{}}', "bad_scenario", "parts is {}"),
        ('{"type":"reanchor","id":1,"prompt":"sea","chunks":6}', "bad_field", "integer of 1 to 5"),
        ('{"type":"seek","id":1}', "bad_field", "chunk_index is missing"),
        ('{"type":"seek","id":1,"chunk_index":-1}', "bad_field", "chunk_index is -1"),
        ('{"type":"fork","id":1,"name":7}', "bad_field", "name is 7"),
        ('{"type":"switch","id":1,"branch_id":"a"}', "bad_field", 'branch_id is "a"'),
        ('{"type":"schedule","id":1,"prompt":"sea","chunk_index":1,"verb":"jump"}', "bad_field", "steer or cut"),
        ('{"type":"schedule","id":1,"chunk_index":1}', "bad_field", "neither of prompt and parts"),
        (
            '{"type":"schedule","id":1,"chunk_index":1,"prompt":"sea","parts":[["night",1]]}',
            "bad_field",
            "both of prompt and parts",
        ),
        ('{"type":"load","id":1,"upload":"' + "a" * 101 + '"}', "bad_field", "at most 100 characters"),
        ('{"type":"scenario","id":1,"scenario":{}}', "bad_scenario", "not a scenario"),
        ("", "bad_json", "not JSON"),
        ("{", "bad_json", "at character 1"),
        ("hello", "bad_json", "not JSON"),
        ("9" * 5000, "bad_json", "absurd"),
        ("[" * 20_000, "bad_json", "absurd"),
        ("[]", "bad_message", "array"),
        ("null", "bad_message", "null"),
        ("true", "bad_message", "boolean"),
        ("3", "bad_message", "number"),
        ('"steer"', "bad_message", "string"),
        ("{}", "unknown_type", "missing"),
        ('{"type":"zoom","id":1}', "unknown_type", '"zoom"; known are steer'),
        ('{"type":["steer"],"id":1}', "unknown_type", "steer"),
        ('{"type":"hello","version":1}', "unexpected_hello", "already"),
        ('{"type":"steer","prompt":"a"}', "bad_field", "id is missing"),
        ('{"type":"steer","id":-1,"prompt":"a"}', "bad_field", "id is -1"),
        ('{"type":"steer","id":1.0,"prompt":"a"}', "bad_field", "id is 1.0"),
        ('{"type":"steer","id":true,"prompt":"a"}', "bad_field", "id is true"),
        ('{"type":"steer","id":"1","prompt":"a"}', "bad_field", 'id is "1"'),
        ('{"type":"steer","id":9007199254740992,"prompt":"a"}', "bad_field", "id is 9007199254740992"),
        ('{"type":"steer","id":1}', "bad_prompt", "missing"),
        ('{"type":"steer","id":1,"prompt":""}', "bad_prompt", "empty"),
        ('{"type":"steer","id":1,"prompt":"🎈"}', "bad_prompt", "no letter"),
        ('{"type":"cut","id":1,"prompt":"\\ud800 x"}', "bad_prompt", "surrogate"),
        ('{"type":"steer","id":1,"prompt":"' + "x" * 10_000 + '"}', "bad_prompt", "10000 characters"),
        (
            '{"type":"steer","id":1,"prompt":"a","chunks":0}',
            "bad_field",
            "chunks is 0; it must be an integer of 1 to 16",
        ),
        ('{"type":"steer","id":1,"prompt":"a","chunks":17}', "bad_field", "chunks is 17"),
        ('{"type":"seed","id":1}', "bad_field", "seed is missing"),
        ('{"type":"seed","id":1,"seed":-1}', "bad_field", "seed is -1"),
        ('{"type":"seed","id":1,"seed":4294967296}', "bad_field", "seed is 4294967296"),
        ('{"type":"seed","id":1,"seed":NaN}', "bad_field", "seed is NaN"),
        ('{"type":"pause","id":1,"promt":"a"}', "unknown_field", '"promt"; it takes id'),
        ('{"type":"pause","id":1,"x":"' + "y" * 70_000 + '"}', "too_large", "at most 65536"),
    ],
)
def test_bad_controls(text: str, code: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=words) as caught:
        parse_control(text)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")
    assert len(caught.value.message) < 300
    caught.value.message.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ('{"type":"zoom","id":4}', 4),
        ('{"type":"zoom","id":"4"}', None),
        ('{"type":"cut","id":5,"prompt":""}', 5),
        ('{"type":"seed","id":6,"seed":"x"}', 6),
        ('{"type":"pause","id":7,"x":1}', 7),
        ('{"type":"pause"}', None),
    ],
)
def test_errors_name_the_message(text: str, id: int | None) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_control(text)
    assert caught.value.id == id


def test_hello() -> None:
    assert parse_hello('{"type":"hello","version":1}') == protocol.Hello(1)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ('{"type":"hello","version":2}', "bad_version", "version 2; version 1 is spoken"),
        ('{"type":"hello","version":"1"}', "bad_version", '"1"'),
        ('{"type":"hello","version":true}', "bad_version", "true"),
        ('{"type":"hello"}', "bad_version", "missing"),
        ('{"type":"steer","id":1,"prompt":"a"}', "hello_first", "steer"),
        ("{}", "hello_first", "missing"),
        ("nonsense", "bad_json", "not JSON"),
    ],
)
def test_bad_hellos(text: str, code: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=words) as caught:
        parse_hello(text)
    assert caught.value.code == code


def test_events_are_flat_objects() -> None:
    event = protocol.AppliedEvent(id=3, chunk_index=7, pts=45_000)
    assert json.loads(protocol.encode(event)) == {"type": "applied", "id": 3, "chunk_index": 7, "pts": 45_000}


def test_what_is_not_known_is_not_sent() -> None:
    error = json.loads(protocol.encode(protocol.ErrorEvent("bad_json", "No.")))
    assert error == {"type": "error", "code": "bad_json", "message": "No."}
    state = protocol.StateEvent(1, "warming", None, "a", 0, None, None, None, None, -1, 0, 2, None, None, "s")
    assert json.loads(protocol.encode(state)) == {
        "type": "state",
        "version": 1,
        "status": "warming",
        "prompt": "a",
        "seed": 0,
        "chunk_index": -1,
        "n_viewers": 0,
        "transition_chunks": 2,
        "session": "s",
    }
