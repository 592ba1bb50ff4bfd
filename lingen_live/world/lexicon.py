"""The words captions are made of, by role and value, each role split into training and held-out phrasings.

Only data, and long because it is a vocabulary. Articles are always written "a" (the grammar turns them into "an"
where English wants it), and a noun phrase that starts with "a " may be made definite. Two rules keep the ground
truth unambiguous: "snowy", "frozen" and "winter" are land, never weather (that is "snowing", "snowflakes",
"falling snow"); and no word stands for two values of one attribute.
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
        "a meadow | a meadow | a grassy meadow | a grassy field | grassland | grassy hills | fields of grass"
        " | the countryside | a grassy plain | a steppe | a hayfield | farm fields | grassy slopes"
        " | a wide field",
        "a pasture | a prairie | rolling farmland",
    ),
    "desert": words(
        "a desert | a desert | a sandy desert | sand dunes | dunes | desert sand | a dry desert | the Sahara"
        " | a sandy land | dry sands | a barren land of sand | sand hills | a dusty desert",
        "a sandy wilderness | a arid plain | rolling sands",
    ),
    "snow": words(
        "a snowy land | a snowy landscape | snowy mountains | snow-covered hills | a winter landscape"
        " | frozen hills | white mountains | snow-covered land | snowfields | a land of ice | a glacier"
        " | polar land | snowy peaks | snow-capped mountains | a ice field | snow and ice",
        "a arctic land | icy tundra | a frozen wilderness | wintry mountains",
    ),
    "sea": words(
        "the sea | the sea | the ocean | the open sea | ocean waves | waves | the water | the Pacific"
        " | the Atlantic | a bay | a wide lake | sea waves | the deep sea | salt water",
        "open water | the high seas | a great ocean",
    ),
    "city": words(
        "a city | a city | a big city | a city skyline | skyscrapers | tall buildings | a town | a cityscape"
        " | city streets | city buildings | office towers | tower blocks | a modern city | a large town"
        " | a crowded city | the streets of a town | city towers | a busy town | blocks of flats",
        "a metropolis | high-rises | a downtown skyline | a urban landscape",
    ),
}

TIME_ADVERB = {
    "dawn": words(
        "at dawn | at sunrise | in the early morning | in the morning | at the break of dawn"
        " | at the crack of dawn | as the sun rises | as morning comes | in the morning light"
        " | as a new day begins | at the break of day | as the sun comes up | in the first rays of the sun"
        " | with the sun coming over the horizon | at the start of the day | as the night ends"
        " | as dawn breaks",
        "at daybreak | at first light",
    ),
    "day": words(
        "in daylight | during the day | at noon | in the afternoon | by day | at high noon"
        " | in broad daylight | in full daylight | in the middle of the day | around noon | at lunchtime"
        " | in the light of day | halfway through the day",
        "at midday | in the daytime hours",
    ),
    "dusk": words(
        "at dusk | at sunset | in the evening | at golden hour | as the sun sets | at the end of the day"
        " | in the gloaming | at eventide | in the last light | as evening falls | in the evening light"
        " | in the late evening | as the sun goes down | when the sun has gone down | at nightfall"
        " | when the sun is low | at the close of the day"
        " | as the night begins | in the dim light of evening | with the sun sinking"
        " | as the sun dips below the horizon | when the sun is down | with the sun almost gone"
        " | at day's end",
        "at twilight | at sundown",
    ),
    "night": words(
        "at night | at midnight | by night | in the night | in the dark | late at night | in the darkness"
        " | in the small hours | deep in the night | when it is dark | under a dark night sky"
        " | in full darkness | in pitch darkness",
        "after dark | in the dead of night",
    ),
}
TIME_NOUN = {
    "dawn": words(
        "dawn | sunrise | early morning | morning | break of dawn | crack of dawn | morning light"
        " | break of day | first rays of the sun | rising sun | start of the day | breaking dawn",
        "daybreak | first light",
    ),
    "day": words(
        "day | daytime | daylight | noon | afternoon | broad daylight | high noon | lunchtime | full daylight",
        "midday",
    ),
    "dusk": words(
        "dusk | sunset | evening | golden hour | evening light | gloaming | eventide | nightfall | late evening"
        " | last light | setting sun | close of day | half-light of evening | sunset hour | sun dipping down"
        " | sinking sun | day's end",
        "twilight | sundown",
    ),
    "night": words(
        "night | nighttime | midnight | darkness | late night | deep night | small hours | pitch darkness | dark night",
        "the dark of night",
    ),
}
# Countable, so that a weather adjective can go before it: "a rainy evening".
TIME_MOMENT = {
    "dawn": words(
        "dawn | sunrise | early morning | morning | break of day",
        "daybreak",
    ),
    "day": words(
        "day | afternoon | noon | lunchtime",
        "midday",
    ),
    "dusk": words(
        "dusk | sunset | evening | gloaming | eventide | nightfall | close of day | day's end",
        "twilight",
    ),
    "night": words(
        "night | midnight",
    ),
}
TIME_ADJECTIVE = {
    "dawn": words(
        "early-morning | morning | sunrise",
    ),
    "day": words(
        "daytime | daylight | afternoon",
    ),
    "dusk": words(
        "evening | sunset | late-evening",
        "twilight",
    ),
    "night": words(
        "nighttime | midnight | late-night",
        "nocturnal",
    ),
}
TIME_CLAUSE = {
    "dawn": words(
        "it is dawn | the sun is rising | it is early morning | the sun rises | morning has come"
        " | a new day begins | it is morning | the sun comes up | the night is over | the first rays appear",
        "the sun is coming up | day is breaking",
    ),
    "day": words(
        "it is day | it is daytime | it is noon | it is afternoon | it is the middle of the day"
        " | it is lunchtime | it is broad daylight",
        "it is midday",
    ),
    "dusk": words(
        "it is dusk | the sun is setting | it is evening | the day is ending | evening has come"
        " | the sun is sinking | the light is fading | the sun sets | the sun goes down | the day is over"
        " | night is about to fall | the sun is down | the sun dips below the horizon",
        "the sun is going down | it is twilight",
    ),
    "night": words(
        "it is night | night has fallen | it is midnight | it is dark | darkness has fallen"
        " | it is late at night | the night is dark",
        "it is the dead of night",
    ),
}
TIME_ORDER = {
    "dawn": words(
        "let the sun rise | bring on the sunrise | let the morning come | let a new day begin"
        " | bring up the sun | end the night",
        "let the sun come up | let day break",
    ),
    "day": words(
        "bring back the daylight | make it daytime | bring on the daylight | turn on the daylight",
        "let there be daylight",
    ),
    "dusk": words(
        "let the sun set | start the sunset | let the evening come | let the sun sink | let the day end"
        " | bring down the sun | end the day",
        "let the sun go down",
    ),
    "night": words(
        "let night fall | turn it into night | let darkness fall | make it dark",
        "bring on the night",
    ),
}

# Clear weather under a sun or under stars has words of its own; they also say the time.
WEATHER_ADVERB = {
    "clear": words(
        "under a clear sky | under clear skies | in clear weather | without a cloud | with no clouds"
        " | under a sky without clouds | under a sky free of clouds | in fine weather | in a cloud-free sky"
        " | in good weather",
        "under a cloudless sky",
    ),
    "cloudy": words(
        "under a cloudy sky | under grey clouds | under a overcast sky | with clouds overhead"
        " | in cloudy weather | under a gloomy sky | under low clouds | under a dull sky"
        " | under thick clouds | under a sky full of clouds | in dull weather | beneath a blanket of clouds"
        " | in overcast weather | under a heavy grey sky | under a low grey sky | beneath thick clouds",
        "beneath heavy clouds | under a leaden sky",
    ),
    "rain": words(
        "in the rain | in heavy rain | with rain falling | in rainy weather | in a rain storm"
        " | in pouring rain | in a shower | in showers | in light rain | in wet weather | in a deluge"
        " | in rainfall | in a cloudburst | in a sprinkle of rain | in pelting rain | with raindrops falling"
        " | in driving rain | with rain pouring down | in steady rain | in a light sprinkle"
        " | in light spitting rain | in soft rain",
        "in a downpour | in a steady drizzle",
    ),
    "snowfall": words(
        "in falling snow | with snowflakes falling | in heavy snowfall | during a snowfall"
        " | with snow falling | in a snowstorm | in snow flurries | in flurries of snow | in a snow shower"
        " | as snow comes down | in driving snow | in a snow squall | with snow coming down"
        " | in a wild snowstorm | with snow whirling around | in a storm of snow | in a snow gale"
        " | among whirling snowflakes | with specks of snow drifting down",
        "in a blizzard | among drifting flakes",
    ),
    "fog": words(
        "in the fog | in fog | in thick fog | in the mist | in foggy weather | shrouded in mist"
        " | in dense fog | in a veil of mist | cloaked in fog | hidden in mist | in murky air | in smog"
        " | in vapour | in a thin mist | behind a curtain of fog | in steam | blurred by mist"
        " | in a foggy veil",
        "in a thick haze | wrapped in haze",
    ),
    "sunny": words(
        "in bright sunshine | under a sunny sky | in sunny weather | in the sunshine | in sunlight"
        " | in glorious sunshine | in the blazing sun",
        "in brilliant sun",
    ),
    "starry": words(
        "under a starry sky | under the stars | in the moonlight | by moonlight | under the moon | by starlight",
        "beneath twinkling stars",
    ),
}
WEATHER_NOUN = {
    "clear": words(
        "clear sky | clear skies | clear weather | clear | no clouds | without clouds | fine weather"
        " | cloud-free | good weather",
        "cloudless | fair weather",
    ),
    "cloudy": words(
        "cloudy | clouds | overcast | grey sky | cloudy sky | gloomy sky | low clouds | dull sky"
        " | thick clouds | gloomy | overcast sky | blanket of clouds | low grey clouds",
        "heavy clouds | leaden sky",
    ),
    "rain": words(
        "rain | rain | rainy | raining | rain storm | shower | showers | light rain | rainfall | deluge"
        " | wet weather | cloudburst | raindrops | pelting rain | sprinkle of rain | steady rain"
        " | light sprinkle | soft rain | spitting rain",
        "drizzle | downpour",
    ),
    "snowfall": words(
        "snowfall | falling snow | snowing | snowflakes | snowstorm | snow flurries | flurries of snow"
        " | snow shower | driving snow | snow squall | wild snowstorm | whirling snow | snow gale"
        " | drifting snow | tumbling snowflakes",
        "blizzard | drifting flakes",
    ),
    "fog": words(
        "fog | fog | foggy | mist | misty | dense fog | murk | murky | smog | vapour | veil of mist | steam"
        " | curtain of fog | foggy veil",
        "haze | hazy",
    ),
    "sunny": words(
        "sunny | sunshine | sunlight | sunlit | blazing sun",
        "brilliant sun",
    ),
    "starry": words(
        "starry sky | stars | moonlight | starlight | moonlit",
        "twinkling stars",
    ),
}
# Adjectives for a time of day ("a foggy dawn"); falling snow has none that could not be read as snowy land.
WEATHER_ADJECTIVE = {
    "clear": words(
        "clear | cloud-free | fine",
        "cloudless",
    ),
    "cloudy": words(
        "cloudy | overcast | grey | gloomy | dull | dreary",
        "leaden",
    ),
    "rain": words(
        "rainy | stormy | wet | showery",
        "drizzly",
    ),
    "snowfall": words(""),
    "fog": words(
        "foggy | misty | murky | smoggy",
        "hazy",
    ),
    "sunny": words(
        "sunny | sunlit",
        "sun-filled",
    ),
    "starry": words(
        "starry | moonlit | starlit",
    ),
}
# Adjectives for a place ("a misty meadow").
PLACE_ADJECTIVE = {
    "clear": words(""),
    "cloudy": words(
        "cloudy | overcast | gloomy | grey",
    ),
    "rain": words(
        "rainy | wet | rain-swept",
        "rain-soaked",
    ),
    "snowfall": words(""),
    "fog": words(
        "foggy | misty | murky | fog-covered",
        "hazy | fogbound",
    ),
    "sunny": words(
        "sunny | sunlit | sun-drenched",
        "sun-filled",
    ),
    "starry": words(
        "moonlit | starlit",
    ),
}
WEATHER_CLAUSE = {
    "clear": words(
        "the sky is clear | the weather is clear | there are no clouds | the sky is free of clouds"
        " | the weather is fine | there is no cloud to be seen",
        "there is not a cloud in the sky",
    ),
    "cloudy": words(
        "it is cloudy | the sky is overcast | clouds cover the sky | the sky is gloomy"
        " | thick clouds hide the sky | the sky is dull | low clouds gather | clouds fill the sky",
        "heavy clouds hang low",
    ),
    "rain": words(
        "it is raining | rain is falling | rain falls | a storm brings rain | a shower passes"
        " | rain pours down | the weather is wet | it pours with rain | raindrops are falling"
        " | a light rain sprinkles down | rain pelts down | rain buckets down | it spits with rain"
        " | it sprinkles",
        "it drizzles",
    ),
    "snowfall": words(
        "it is snowing | snow is falling | snowflakes are falling | snow comes down | a snowstorm rages"
        " | flurries of snow come down | snow whirls around | a snow squall passes | a storm of snow rages"
        " | a gale of snow blows | snowflakes float down",
        "a blizzard is blowing",
    ),
    "fog": words(
        "it is foggy | there is fog everywhere | it is misty | mist hangs over everything | the air is murky"
        " | smog hangs in the air | a curtain of fog hides the view | mist veils everything",
        "haze hides everything",
    ),
    "sunny": words(
        "it is sunny | the sun is shining | sunlight is everywhere | the sun blazes",
        "brilliant sun fills the sky",
    ),
    "starry": words(
        "the stars are out | the moon is shining | the moon is out | starlight is everywhere",
        "stars are twinkling",
    ),
}
WEATHER_ORDER = {
    "clear": words(
        "clear the sky | make it clear | let the sky clear up | clear weather now | give us fine weather"
        " | make the clouds vanish | bring on a clear sky",
        "make it cloudless",
    ),
    "cloudy": words(
        "make it cloudy | bring in clouds | cover the sky with clouds | let it cloud over | cloudy now"
        " | bring in low clouds | make the sky gloomy | fill the sky with clouds | bring on the clouds"
        " | turn the sky grey",
        "let the sky turn leaden | bring on heavy clouds",
    ),
    "rain": words(
        "make it rain | let it rain | start the rain | rain now | add rain | let the rain fall"
        " | let it pour with rain | bring in a shower | start a deluge | make it wet | let raindrops fall"
        " | bring on a shower | let it sprinkle | let it pour",
        "let the drizzle begin | bring on a downpour",
    ),
    "snowfall": words(
        "make it snow | let it snow | start a snowfall | let snowflakes fall | add falling snow"
        " | start a snowstorm | bring in snow flurries | let snow come down | bring on a snowstorm"
        " | let the snow whirl | bring on the snowfall | let the snowflakes come down | bring on a snow gale",
        "bring on a blizzard | let the flakes come down",
    ),
    "fog": words(
        "make it foggy | bring in the fog | let fog roll in | add fog | fog now | fill the air with mist"
        " | let mist come in | make it murky | bring in some smog | hide it all in mist | let mist creep in"
        " | veil everything in fog",
        "let a haze creep in | wrap everything in haze",
    ),
    "sunny": words(
        "make it sunny | let the sun shine | bring out the sun | let the sunlight in | let the sun blaze",
        "let us have brilliant sun",
    ),
    "starry": words(
        "show the stars | bring out the stars | make it a starry night | show the moon | let the moon shine",
        "let stars twinkle",
    ),
}
# Clearing up, in the words of the weather that leaves.
WEATHER_LEAVES = {
    "cloudy": words(
        "let the clouds part | take the clouds away | remove the clouds",
        "blow the clouds away",
    ),
    "rain": words(
        "stop the rain | let the rain stop | no more rain | end the rain",
        "turn off the rain",
    ),
    "snowfall": words(
        "stop the snowfall | let it stop snowing | no more falling snow | end the snowfall",
        "turn off the snowfall",
    ),
    "fog": words(
        "let the fog lift | clear the fog away | no more fog | remove the fog",
        "let the haze burn off",
    ),
}

# "{}" takes a colour and a space, or nothing.
SUBJECT = {
    "balloon": words(
        "a {}balloon | a {}hot-air balloon | a {}air balloon",
        "a {}hot air balloon",
    ),
    "sailboat": words(
        "a {}sailboat | a {}sailing boat | a {}boat | a {}sail boat | a {}boat under sail",
        "a {}yacht | a {}sailing ship",
    ),
    "birds": words(
        "{}birds | a flock of {}birds | {}seagulls | {}seabirds | {}wild birds",
        "{}gulls | a flight of {}birds",
    ),
    "saucer": words(
        "a {}flying saucer | a {}UFO | a {}alien ship | a {}alien saucer | a {}flying disc",
        "a {}spaceship | a {}alien spacecraft",
    ),
}
SUBJECT_SHORT = {
    "balloon": words(
        "balloon | hot-air balloon | air balloon",
        "hot air balloon",
    ),
    "sailboat": words(
        "boat | sailboat | sailing boat | sail boat",
        "yacht",
    ),
    "birds": words(
        "birds | flock of birds | seagulls | seabirds",
        "gulls",
    ),
    "saucer": words(
        "UFO | flying saucer | alien ship | saucer",
        "spaceship",
    ),
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
    "red": words(
        "red | red | crimson | ruby | cherry-red | blood-red | fire-red | vermilion | rose-red | brick-red",
        "scarlet",
    ),
    "orange": words(
        "orange | bright orange | amber | pumpkin-orange | apricot | carrot-orange | copper-orange"
        " | mandarin-orange | rust-orange",
        "tangerine",
    ),
    "yellow": words(
        "yellow | bright yellow | golden | canary-yellow | mustard | sunflower-yellow | corn-yellow",
        "lemon-yellow",
    ),
    "green": words(
        "green | green | emerald | lime-green | olive | mint-green | leaf-green | jungle-green | pine-green"
        " | jewel-green | moss-green | turquoise-green",
        "jade",
    ),
    "blue": words(
        "blue | blue | azure | navy | sapphire | royal-blue | steel-blue | electric-blue | ink-blue | cornflower-blue",
        "cobalt",
    ),
    "purple": words(
        "purple | deep purple | lavender | plum | lilac | grape-purple | mauve",
        "violet",
    ),
    "white": words(
        "white | pure white | cream-white | pearl-white | chalk-white | milk-white | off-white"
        " | eggshell-white | bone-white | ghost-white | vanilla-white",
        "ivory",
    ),
    "black": words(
        "black | jet-black | coal-black | raven-black | pitch-black | charcoal-black | onyx-black",
        "ebony",
    ),
}
COLOUR_AFTER = words("that {be} {c} | in {c}", "coloured {c}")

DIRECTION = {
    "left": words("left | left | to the left", "leftwards | towards the left"),
    "right": words("right | right | to the right", "rightwards | towards the right"),
}
SPEED_ADVERB = {
    "slow": words(
        "slowly | slowly | gently | very slowly | at a slow pace | calmly",
        "at a easy pace | unhurriedly",
    ),
    "fast": words(
        "fast | quickly | at speed | very fast | hurriedly | at a fast pace",
        "rapidly | swiftly",
    ),
}
SPEED_ADJECTIVE = {
    "slow": words("slow | gentle | calm", "unhurried"),
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
    "slow": words(
        "slower | slow down | go slower | move slower | move slowly | less speed | reduce the speed",
        "ease off | crawl along",
    ),
    "fast": words(
        "faster | speed up | go faster | move faster | move fast | more speed | increase the speed",
        "pick up the pace | hurry up",
    ),
}
