"""The words captions are made of, by role and value, each role split into training and held-out phrasings.

Only data. Articles are always written "a" (the grammar turns them into "an" where English wants it), and a
noun phrase that starts with "a " may be made definite. Two rules keep the ground truth unambiguous: "snowy",
"frozen" and "winter" are land, never weather (that is "snowing", "snowflakes", "falling snow"); and no word
stands for two values of one attribute.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """Interchangeable phrasings: `train` for both splits, `held_out` for the held-out split alone."""

    train: tuple[str, ...]
    held_out: tuple[str, ...] = ()


def words(train: str, held_out: str = "") -> Words:
    """`Words` from two lists whose phrasings are separated by "|"."""
    split = [tuple(part.strip() for part in text.split("|") if part.strip()) for text in (train, held_out)]
    return Words(*split)


BIOME = {
    "meadow": words(
        "a meadow | a meadow | a grassy meadow | a grassy field | grassland | grassy hills | fields of grass",
        "a pasture | a prairie | rolling farmland",
    ),
    "desert": words(
        "a desert | a desert | a sandy desert | sand dunes | dunes | desert sand",
        "a sandy wilderness | a arid plain | rolling sands",
    ),
    "snow": words(
        "a snowy land | a snowy landscape | snowy mountains | snow-covered hills | a winter landscape"
        " | frozen hills | white mountains | snow-covered land",
        "a arctic land | icy tundra | a frozen wilderness | wintry mountains",
    ),
    "sea": words(
        "the sea | the sea | the ocean | the open sea | ocean waves | waves",
        "open water | the high seas | a great ocean",
    ),
    "city": words(
        "a city | a city | a big city | a city skyline | skyscrapers | tall buildings",
        "a metropolis | high-rises | a downtown skyline | a urban landscape",
    ),
}

TIME_ADVERB = {
    "dawn": words("at dawn | at sunrise | in the early morning", "at daybreak | at first light"),
    "day": words(
        "in daylight | during the day | at noon | in the afternoon | by day",
        "at midday | in the daytime hours",
    ),
    "dusk": words("at dusk | at sunset | in the evening | at golden hour", "at twilight | at sundown"),
    "night": words("at night | at midnight | by night | in the night", "after dark | in the dead of night"),
}
TIME_NOUN = {
    "dawn": words("dawn | sunrise | early morning", "daybreak | first light"),
    "day": words("day | daytime | daylight | noon | afternoon", "midday"),
    "dusk": words("dusk | sunset | evening | golden hour", "twilight | sundown"),
    "night": words("night | nighttime | midnight", "the dark of night"),
}
# Countable, so that a weather adjective can go before it: "a rainy evening".
TIME_MOMENT = {
    "dawn": words("dawn | sunrise | early morning", "daybreak"),
    "day": words("day | afternoon", "midday"),
    "dusk": words("dusk | sunset | evening", "twilight"),
    "night": words("night"),
}
TIME_ADJECTIVE = {
    "dawn": words("early-morning"),
    "day": words("daytime"),
    "dusk": words("evening", "twilight"),
    "night": words("nighttime", "nocturnal"),
}
TIME_CLAUSE = {
    "dawn": words("it is dawn | the sun is rising | it is early morning", "the sun is coming up | day is breaking"),
    "day": words("it is day | it is daytime | it is noon | it is afternoon", "it is midday"),
    "dusk": words("it is dusk | the sun is setting | it is evening", "the sun is going down | it is twilight"),
    "night": words("it is night | night has fallen | it is midnight", "it is the dead of night"),
}
TIME_ORDER = {
    "dawn": words("let the sun rise | bring on the sunrise", "let the sun come up | let day break"),
    "day": words("bring back the daylight | make it daytime", "let there be daylight"),
    "dusk": words("let the sun set | start the sunset", "let the sun go down"),
    "night": words("let night fall | turn it into night", "bring on the night"),
}

# Clear weather under a sun or under stars has words of its own; they also say the time.
WEATHER_ADVERB = {
    "clear": words("under a clear sky | under clear skies | in clear weather", "under a cloudless sky"),
    "cloudy": words(
        "under a cloudy sky | under grey clouds | under a overcast sky | with clouds overhead | in cloudy weather",
        "beneath heavy clouds | under a leaden sky",
    ),
    "rain": words(
        "in the rain | in heavy rain | with rain falling | in rainy weather | in a rain storm | in pouring rain",
        "in a downpour | in a steady drizzle",
    ),
    "snowfall": words(
        "in falling snow | with snowflakes falling | in heavy snowfall | during a snowfall | with snow falling",
        "in a blizzard | among drifting flakes",
    ),
    "fog": words(
        "in the fog | in fog | in thick fog | in the mist | in foggy weather | shrouded in mist",
        "in a thick haze | wrapped in haze",
    ),
    "sunny": words("in bright sunshine | under a sunny sky | in sunny weather", "in brilliant sun"),
    "starry": words("under a starry sky | under the stars | in the moonlight", "beneath twinkling stars"),
}
WEATHER_NOUN = {
    "clear": words("clear sky | clear skies | clear weather | clear", "cloudless | fair weather"),
    "cloudy": words("cloudy | clouds | overcast | grey sky | cloudy sky", "heavy clouds | leaden sky"),
    "rain": words("rain | rain | rainy | raining | rain storm", "drizzle | downpour"),
    "snowfall": words("snowfall | falling snow | snowing | snowflakes", "blizzard | drifting flakes"),
    "fog": words("fog | fog | foggy | mist | misty", "haze | hazy"),
    "sunny": words("sunny | sunshine", "brilliant sun"),
    "starry": words("starry sky | stars | moonlight", "twinkling stars"),
}
# Adjectives for a time of day ("a foggy dawn"); falling snow has none that could not be read as snowy land.
WEATHER_ADJECTIVE = {
    "clear": words("clear", "cloudless"),
    "cloudy": words("cloudy | overcast | grey", "leaden"),
    "rain": words("rainy | stormy", "drizzly"),
    "snowfall": words(""),
    "fog": words("foggy | misty", "hazy"),
    "sunny": words("sunny", "sun-filled"),
    "starry": words("starry | moonlit"),
}
# Adjectives for a place ("a misty meadow").
PLACE_ADJECTIVE = {
    "clear": words(""),
    "cloudy": words("cloudy | overcast"),
    "rain": words("rainy", "rain-soaked"),
    "snowfall": words(""),
    "fog": words("foggy | misty", "hazy | fogbound"),
    "sunny": words("sunny", "sun-filled"),
    "starry": words("moonlit"),
}
WEATHER_CLAUSE = {
    "clear": words("the sky is clear | the weather is clear", "there is not a cloud in the sky"),
    "cloudy": words("it is cloudy | the sky is overcast | clouds cover the sky", "heavy clouds hang low"),
    "rain": words("it is raining | rain is falling | rain falls | a storm brings rain", "it drizzles"),
    "snowfall": words("it is snowing | snow is falling | snowflakes are falling", "a blizzard is blowing"),
    "fog": words("it is foggy | there is fog everywhere | it is misty", "haze hides everything"),
    "sunny": words("it is sunny | the sun is shining", "brilliant sun fills the sky"),
    "starry": words("the stars are out | the moon is shining", "stars are twinkling"),
}
WEATHER_ORDER = {
    "clear": words("clear the sky | make it clear | let the sky clear up | clear weather now", "make it cloudless"),
    "cloudy": words(
        "make it cloudy | bring in clouds | cover the sky with clouds | let it cloud over | cloudy now",
        "let the sky turn leaden | bring on heavy clouds",
    ),
    "rain": words(
        "make it rain | let it rain | start the rain | rain now | add rain | let the rain fall",
        "let the drizzle begin | bring on a downpour",
    ),
    "snowfall": words(
        "make it snow | let it snow | start a snowfall | let snowflakes fall | add falling snow",
        "bring on a blizzard | let the flakes come down",
    ),
    "fog": words(
        "make it foggy | bring in the fog | let fog roll in | add fog | fog now | fill the air with mist",
        "let a haze creep in | wrap everything in haze",
    ),
    "sunny": words("make it sunny | let the sun shine | bring out the sun", "let us have brilliant sun"),
    "starry": words("show the stars | bring out the stars | make it a starry night", "let stars twinkle"),
}
# Clearing up, in the words of the weather that leaves.
WEATHER_LEAVES = {
    "cloudy": words("let the clouds part | take the clouds away", "blow the clouds away"),
    "rain": words("stop the rain | let the rain stop | no more rain", "turn off the rain"),
    "snowfall": words("stop the snowfall | let it stop snowing | no more falling snow", "turn off the snowfall"),
    "fog": words("let the fog lift | clear the fog away | no more fog", "let the haze burn off"),
}

# "{}" takes a colour and a space, or nothing.
SUBJECT = {
    "balloon": words("a {}balloon | a {}hot-air balloon", "a {}hot air balloon"),
    "sailboat": words("a {}sailboat | a {}sailing boat", "a {}yacht | a {}sailing ship"),
    "birds": words("{}birds | a flock of {}birds | {}seagulls", "{}gulls | a flight of {}birds"),
    "saucer": words("a {}flying saucer | a {}UFO | a {}alien ship", "a {}spaceship | a {}alien spacecraft"),
}
SUBJECT_SHORT = {
    "balloon": words("balloon | hot-air balloon", "hot air balloon"),
    "sailboat": words("boat | sailboat | sailing boat", "yacht"),
    "birds": words("birds | flock of birds | seagulls", "gulls"),
    "saucer": words("UFO | flying saucer | alien ship", "spaceship"),
}
# Plural/singular/participle.
VERB = {
    "balloon": words("float/floats/floating | drift/drifts/drifting | hang/hangs/hanging", "soar/soars/soaring"),
    "sailboat": words("sail/sails/sailing | move/moves/moving", "cruise/cruises/cruising"),
    "birds": words("fly/flies/flying | glide/glides/gliding", "wheel/wheels/wheeling"),
    "saucer": words("hover/hovers/hovering | fly/flies/flying", "hum/hums/humming"),
}
EMPTY_ADVERB = words("with nothing in the sky | with nothing in the air | with a empty sky", "with nothing flying")
EMPTY_NOUN = words("empty sky | nothing in the sky | nothing in the air", "nothing flying")
EMPTY_CLAUSE = words("the sky is empty | nothing is in the air", "nothing is flying about")

COLOUR = {
    "red": words("red | red | crimson", "scarlet"),
    "orange": words("orange | bright orange", "tangerine"),
    "yellow": words("yellow | bright yellow", "lemon-yellow"),
    "green": words("green | green | emerald", "jade"),
    "blue": words("blue | blue | azure", "cobalt"),
    "purple": words("purple | deep purple", "violet"),
    "white": words("white | pure white", "ivory"),
    "black": words("black | jet-black", "ebony"),
}
COLOUR_AFTER = words("that {be} {c} | in {c}", "coloured {c}")

DIRECTION = {
    "left": words("left | left | to the left", "leftwards | towards the left"),
    "right": words("right | right | to the right", "rightwards | towards the right"),
}
SPEED_ADVERB = {
    "slow": words("slowly | slowly | gently", "at a easy pace | unhurriedly"),
    "fast": words("fast | quickly | at speed", "rapidly | swiftly"),
}
SPEED_ADJECTIVE = {
    "slow": words("slow | gentle", "unhurried"),
    "fast": words("fast | quick", "rapid | swift"),
}
# {d} direction; {v} speed adverb with a space before it, or nothing; {j} speed adjective with one after it.
PAN_CLAUSE = words(
    "the camera pans {d}{v} | the camera glides {d}{v} | the camera moves {d}{v} | the camera is panning {d}{v}",
    "the view drifts {d}{v} | the camera travels {d}{v}",
)
PAN_NOUN = words(
    "panning {d}{v} | pan {d}{v} | camera moving {d}{v} | camera gliding {d}{v} | {j}pan {d}",
    "travelling {d}{v} | camera drifting {d}{v} | {j}camera drift {d}",
)
PAN_ORDER = words(
    "pan {d}{v} | move {d}{v} | move the camera {d}{v} | let the camera glide {d}{v} | go {d}{v}",
    "travel {d}{v} | drift {d}{v} | swing the view {d}{v}",
)
STILL_CLAUSE = words("the camera holds still | the camera does not move | the camera is still", "the view stays put")
STILL_NOUN = words("static shot | still camera | camera still | no camera movement", "fixed shot | camera at rest")
STILL_ORDER = words(
    "hold the camera still | stop the camera | stop panning | keep the camera still | stop moving",
    "freeze the view | stay where we are",
)
SPEED_ORDER = {
    "slow": words("slower | slow down | go slower | move slower | move slowly", "ease off | crawl along"),
    "fast": words("faster | speed up | go faster | move faster | move fast", "pick up the pace | hurry up"),
}
