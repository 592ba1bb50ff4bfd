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
        " | a wide field | green fields | grazing land | a green plain | cropland | a grassy valley"
        " | a lawn of tall grass | green hills | a green meadow | lush green country | green grass",
        "a pasture | a prairie | rolling farmland",
    ),
    "desert": words(
        "a desert | a desert | a sandy desert | sand dunes | dunes | desert sand | a dry desert | the Sahara"
        " | a sandy land | dry sands | a barren land of sand | sand hills | a dusty desert"
        " | a expanse of sand | a parched land | hot sands | a sun-baked waste | the Gobi | golden dunes"
        " | yellow sands | red dunes | orange dunes | golden sands",
        "a sandy wilderness | a arid plain | rolling sands",
    ),
    "snow": words(
        "a snowy land | a snowy landscape | snowy mountains | snow-covered hills | a winter landscape"
        " | frozen hills | white mountains | snow-covered land | snowfields | a land of ice | a glacier"
        " | polar land | snowy peaks | snow-capped mountains | a ice field | snow and ice | the North Pole"
        " | Siberia | a snowscape | icy hills | a icy plain | frosty mountains | white hills"
        " | a white landscape | white land",
        "a arctic land | icy tundra | a frozen wilderness | wintry mountains",
    ),
    "sea": words(
        "the sea | the sea | the ocean | the open sea | ocean waves | waves | the water | the Pacific"
        " | the Atlantic | a bay | a wide lake | sea waves | the deep sea | salt water | the blue sea"
        " | blue water | the deep blue sea | the blue ocean | a blue lagoon",
        "open water | the high seas | a great ocean",
    ),
    "city": words(
        "a city | a city | a big city | a city skyline | skyscrapers | tall buildings | a town | a cityscape"
        " | city streets | city buildings | office towers | tower blocks | a modern city | a large town"
        " | a crowded city | the streets of a town | city towers | a busy town | blocks of flats"
        " | a built-up area | a high street | a inner city | a district of towers | a big-city street"
        " | rows of tall houses | a city block | a concrete jungle | a city centre | a town centre"
        " | high buildings | tall towers | high towers | towering buildings | apartment towers"
        " | apartment blocks"
        " | multi-storey buildings | tall blocks | blocks of many storeys | glass and steel towers",
        "a metropolis | high-rises | a downtown skyline | a urban landscape",
    ),
}

TIME_ADVERB = {
    "dawn": words(
        "at dawn | at sunrise | in the early morning | in the morning | at the break of dawn"
        " | at the crack of dawn | as the sun rises | as morning comes | in the morning light"
        " | as a new day begins | at the break of day | as the sun comes up | in the first rays of the sun"
        " | with the sun coming over the horizon | at the start of the day | as the night ends"
        " | as dawn breaks | at cockcrow | as the day breaks | as light returns | at the first glimmer of day"
        " | as the world wakes up | very early in the day",
        "at daybreak | at first light",
    ),
    "day": words(
        "in daylight | during the day | at noon | in the afternoon | by day | at high noon"
        " | in broad daylight | in full daylight | in the middle of the day | around noon | at lunchtime"
        " | in the light of day | halfway through the day | at twelve o'clock | at the height of day"
        " | in the day | as the sun stands high | around lunchtime",
        "at midday | in the daytime hours",
    ),
    "dusk": words(
        "at dusk | at sunset | in the evening | at golden hour | as the sun sets | at the end of the day"
        " | in the gloaming | at eventide | in the last light | as evening falls | in the evening light"
        " | in the late evening | as the sun goes down | when the sun has gone down | at nightfall"
        " | when the sun is low | at the close of the day | as the night begins | in the dim light of evening"
        " | with the sun sinking | as the sun dips below the horizon | when the sun is down"
        " | with the sun almost gone | at day's end | with the sun going down | at the going down of the sun"
        " | as the sun drops low | as the sun slides down | in the half-light | in the blue hour"
        " | in the fading light | as daylight fades | as darkness comes down | as dusk comes down"
        " | when the day is done | as the light goes"
        " | in the dimming light | as the light dims | in the dim evening light | as dusk gathers"
        " | in the last glow of the sun | as the sky dims | in the afterglow"
        " | in the dusk-light | in sunset light | in dusky light | at owl-light | in vesper light"
        " | in the dusklight | in the evening-light",
        "at twilight | at sundown",
    ),
    "night": words(
        "at night | at midnight | by night | in the night | in the dark | late at night | in the darkness"
        " | in the small hours | deep in the night | when it is dark | under a dark night sky"
        " | in full darkness | in pitch darkness | in the black of night | when night has come"
        " | long past midnight | at a late hour of the night | overnight",
        "after dark | in the dead of night",
    ),
}
TIME_NOUN = {
    "dawn": words(
        "dawn | sunrise | early morning | morning | break of dawn | crack of dawn | morning light"
        " | break of day | first rays of the sun | rising sun | start of the day | breaking dawn | cockcrow"
        " | new day | first glimmer of day | early hours of the morning | early dawn",
        "daybreak | first light",
    ),
    "day": words(
        "day | daytime | daylight | noon | afternoon | broad daylight | high noon | lunchtime | full daylight"
        " | twelve o'clock | middle of the day | bright day",
        "midday",
    ),
    "dusk": words(
        "dusk | sunset | evening | golden hour | evening light | gloaming | eventide | nightfall"
        " | late evening | last light | setting sun | close of day | half-light of evening | sunset hour"
        " | sun dipping down | sinking sun | day's end | blue hour | fading light | half-light"
        " | sun going down | end of the day | dying day | day's last rays | evening glow"
        " | dimming light | dim evening light | afterglow | gathering dusk"
        " | dusk-light | sunset light | dusky light | owl-light | vesper light | dusklight",
        "twilight | sundown",
    ),
    "night": words(
        "night | nighttime | midnight | darkness | late night | deep night | small hours | pitch darkness"
        " | dark night | black of night | night hours | moonless dark",
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
        " | night is about to fall | the sun is down | the sun dips below the horizon"
        " | the light is dimming | dusk gathers | the sky dims",
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
        " | in good weather | under a unclouded sky | under a spotless sky | under a open blue sky"
        " | without one single cloud | with not one cloud above | with no clouds anywhere"
        " | in cloud-free weather | with clouds nowhere to be seen",
        "under a cloudless sky",
    ),
    "cloudy": words(
        "under a cloudy sky | under grey clouds | under a overcast sky | with clouds overhead"
        " | in cloudy weather | under a gloomy sky | under low clouds | under a dull sky | under thick clouds"
        " | under a sky full of clouds | in dull weather | beneath a blanket of clouds | in overcast weather"
        " | under a heavy grey sky | under a low grey sky | beneath thick clouds | under a sombre sky"
        " | under brooding clouds | under a sunless sky | under a pewter sky | under a drab sky"
        " | under a steel-grey sky | under a slate-grey sky | under a metal-grey sky"
        " | under a sky without sun | beneath a grey sky | under dense clouds",
        "beneath heavy clouds | under a leaden sky",
    ),
    "rain": words(
        "in the rain | in heavy rain | with rain falling | in rainy weather | in a rain storm"
        " | in pouring rain | in a shower | in showers | in light rain | in wet weather | in a deluge"
        " | in rainfall | in a cloudburst | in a sprinkle of rain | in pelting rain | with raindrops falling"
        " | in driving rain | with rain pouring down | in steady rain | in a light sprinkle"
        " | in light spitting rain | in soft rain | in torrential rain | in a torrent of rain"
        " | in a heavy shower | in a rain shower | in a soaking rain | as rain comes down"
        " | as the heavens open | in drenching rain | in a thunder shower | in rain that buckets down"
        " | in thin rain"
        " | in a outpouring of rain | as it pours | in sheets of rain | in a mizzle | in mizzling rain"
        " | in a light mizzle | in a rainstorm | in lashing rain | in gushing rain | in a heavy pour",
        "in a downpour | in a steady drizzle",
    ),
    "snowfall": words(
        "in falling snow | with snowflakes falling | in heavy snowfall | during a snowfall"
        " | with snow falling | in a snowstorm | in snow flurries | in flurries of snow | in a snow shower"
        " | as snow comes down | in driving snow | in a snow squall | with snow coming down"
        " | in a wild snowstorm | with snow whirling around | in a storm of snow | in a snow gale"
        " | among whirling snowflakes | with specks of snow drifting down | in a whiteout | in thick snowfall"
        " | in a snow storm | in heavy falling snow | in a howling snowstorm | in a raging snowstorm"
        " | as snowflakes tumble | in a snow flurry"
        " | among floating snowflakes | with drifting snowflakes | as snow drifts down"
        " | among swirling snowflakes | in swirling snow",
        "in a blizzard | among drifting flakes",
    ),
    "fog": words(
        "in the fog | in fog | in thick fog | in the mist | in foggy weather | shrouded in mist"
        " | in dense fog | in a veil of mist | cloaked in fog | hidden in mist | in murky air | in smog"
        " | in vapour | in a thin mist | behind a curtain of fog | in steam | blurred by mist"
        " | in a foggy veil"
        " | in thick vapour | in smoky air | in a smoky veil | blurred by vapour | in hanging mist"
        " | in a blur of mist | wrapped in mist | wrapped in fog | in thick mist | in a thick smog"
        " | in blurry air",
        "in a thick haze | wrapped in haze",
    ),
    "sunny": words(
        "in bright sunshine | under a sunny sky | in sunny weather | in the sunshine | in sunlight"
        " | in glorious sunshine | in the blazing sun"
        " | in bright sun | in dazzling sun | in radiant sunshine | in full sun | in strong sun"
        " | in glaring sun | in radiant sun",
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
        " | cloud-free | good weather | unclouded sky | spotless sky | open blue sky | unclouded"
        " | not one cloud | no clouds anywhere | sky without clouds | no clouds at all | sky free of clouds"
        " | not cloudy",
        "cloudless | fair weather",
    ),
    "cloudy": words(
        "cloudy | clouds | overcast | grey sky | cloudy sky | gloomy sky | low clouds | dull sky"
        " | thick clouds | gloomy | overcast sky | blanket of clouds | low grey clouds | sombre sky"
        " | brooding clouds | sunless sky | pewter sky | steel-grey sky | slate-grey sky | drab sky"
        ""
        " | sky without sun | dense clouds | sunless grey sky",
        "heavy clouds | leaden sky",
    ),
    "rain": words(
        "rain | rain | rainy | raining | rain storm | shower | showers | light rain | rainfall | deluge"
        " | wet weather | cloudburst | raindrops | pelting rain | sprinkle of rain | steady rain"
        " | light sprinkle | soft rain | spitting rain | torrential rain | torrent of rain | heavy shower"
        " | rain shower | soaking rain | drenching rain | pouring rain | heavy rain | thunder shower"
        " | thin rain | drops of rain"
        " | outpouring of rain | pouring | sheets of rain | mizzle | mizzling rain | light mizzle"
        " | rainstorm | lashing rain | heavy pour | spots of rain | outpouring",
        "drizzle | downpour",
    ),
    "snowfall": words(
        "snowfall | falling snow | snowing | snowflakes | snowstorm | snow flurries | flurries of snow"
        " | snow shower | driving snow | snow squall | wild snowstorm | whirling snow | snow gale"
        " | drifting snow | tumbling snowflakes | whiteout | heavy snowfall | snow storm | raging snowstorm"
        " | howling snowstorm | falling snowflakes | snow flurry"
        " | drifting snowflakes | floating snowflakes | floating snow | swirling snow",
        "blizzard | drifting flakes",
    ),
    "fog": words(
        "fog | fog | foggy | mist | misty | dense fog | murk | murky | smog | vapour | veil of mist | steam"
        " | curtain of fog | foggy veil"
        " | brume | smoky air | thick mist | thick vapour | blurry air | hanging mist | smoky | blurry",
        "haze | hazy",
    ),
    "sunny": words(
        "sunny | sunshine | sunlight | sunlit | blazing sun"
        " | bright sun | dazzling sun | radiant sun | full sun | glaring sun | bright sunshine",
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
        "cloudy | overcast | grey | gloomy | dull | dreary | sombre | sunless | drab",
        "leaden",
    ),
    "rain": words(
        "rainy | stormy | wet | showery | soaking wet | mizzly | pouring | rain-filled",
        "drizzly",
    ),
    "snowfall": words(""),
    "fog": words(
        "foggy | misty | murky | smoggy | smoky | blurry | vaporous",
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
        "rainy | wet | rain-swept | rain-drenched | rain-washed | rain-lashed",
        "rain-soaked",
    ),
    "snowfall": words(""),
    "fog": words(
        "foggy | misty | murky | fog-covered | mist-covered | smoky | fog-wrapped",
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
        " | the weather is fine | there is no cloud to be seen"
        " | there is not one cloud above | the sky has no clouds | not one cloud is to be seen"
        " | clouds are nowhere to be seen | there is no cloud anywhere | the sky is without clouds"
        " | the sky is cloud-free | there are no clouds in the sky",
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
        " | it sprinkles | the heavens open | it rains in torrents | a heavy shower comes down"
        " | it mizzles | it pours | rain comes down in sheets | it is pouring | a fine rain mizzles down"
        " | rain lashes down | it is mizzling",
        "it drizzles",
    ),
    "snowfall": words(
        "it is snowing | snow is falling | snowflakes are falling | snow comes down | a snowstorm rages"
        " | flurries of snow come down | snow whirls around | a snow squall passes | a storm of snow rages"
        " | a gale of snow blows | snowflakes float down | a whiteout hides the view | snowflakes tumble down"
        " | heavy snow is falling"
        " | snow swirls around | snowflakes swirl around",
        "a blizzard is blowing",
    ),
    "fog": words(
        "it is foggy | there is fog everywhere | it is misty | mist hangs over everything | the air is murky"
        " | smog hangs in the air | a curtain of fog hides the view | mist veils everything"
        " | smoke hides everything | vapour hides everything | mist wraps everything | fog hides everything"
        " | mist hides everything",
        "haze hides everything",
    ),
    "sunny": words(
        "it is sunny | the sun is shining | sunlight is everywhere | the sun blazes"
        " | bright sun floods everything | the sun is dazzling | radiant sun lights the sky",
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
        " | make the clouds vanish | bring on a clear sky"
        " | make the sky cloud-free | no more clouds | let there be no clouds",
        "make it cloudless",
    ),
    "cloudy": words(
        "make it cloudy | bring in clouds | cover the sky with clouds | let it cloud over | cloudy now"
        " | bring in low clouds | make the sky gloomy | fill the sky with clouds | bring on the clouds"
        " | turn the sky grey | let the sky turn sombre | let the sky go slate-grey | let the sky turn grey"
        " | hide the sun behind clouds",
        "let the sky turn leaden | bring on heavy clouds",
    ),
    "rain": words(
        "make it rain | let it rain | start the rain | rain now | add rain | let the rain fall"
        " | let it pour with rain | bring in a shower | start a deluge | make it wet | let raindrops fall"
        " | bring on a shower | let it sprinkle | let it pour | let it rain in torrents"
        " | let a heavy shower come down | bring on the rain"
        " | let it mizzle | start a mizzle | bring on a outpouring of rain | let the rain pour down"
        " | bring on a rainstorm | let the mizzle begin | bring on lashing rain",
        "let the drizzle begin | bring on a downpour",
    ),
    "snowfall": words(
        "make it snow | let it snow | start a snowfall | let snowflakes fall | add falling snow"
        " | start a snowstorm | bring in snow flurries | let snow come down | bring on a snowstorm"
        " | let the snow whirl | bring on the snowfall | let the snowflakes come down | bring on a snow gale"
        " | let a whiteout come | bring on heavy snowfall | let snowflakes tumble"
        " | let snow swirl around | let the snowflakes swirl",
        "bring on a blizzard | let the flakes come down",
    ),
    "fog": words(
        "make it foggy | bring in the fog | let fog roll in | add fog | fog now | fill the air with mist"
        " | let mist come in | make it murky | bring in some smog | hide it all in mist | let mist creep in"
        " | veil everything in fog"
        " | wrap everything in mist | wrap everything in fog | let a mist creep in | let vapour creep in"
        " | hide everything in smoke",
        "let a haze creep in | wrap everything in haze",
    ),
    "sunny": words(
        "make it sunny | let the sun shine | bring out the sun | let the sunlight in | let the sun blaze"
        " | let us have bright sun | give us dazzling sun",
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
        "red | red | crimson | ruby | cherry-red | blood-red | fire-red | vermilion | rose-red | brick-red"
        " | cardinal-red | maroon | burgundy | carmine | garnet | tomato-red | strawberry-red | poppy-red"
        " | wine-red | lipstick-red | brilliant red | flame-red | pillar-box red | raspberry-red",
        "scarlet",
    ),
    "orange": words(
        "orange | bright orange | amber | pumpkin-orange | apricot | carrot-orange | copper-orange"
        " | mandarin-orange | rust-orange | peach-orange | saffron-orange | marigold-orange | persimmon"
        " | papaya-orange | clementine | satsuma | burnt orange | melon-orange | ginger-orange | vivid orange"
        " | apricot-orange | orange-coloured | paprika-orange"
        " | tangelo | mandarin | kumquat-orange | orange-peel orange | citrus-orange",
        "tangerine",
    ),
    "yellow": words(
        "yellow | bright yellow | golden | canary-yellow | mustard | sunflower-yellow | corn-yellow"
        " | banana-yellow | butter-yellow | daffodil-yellow | straw-yellow | primrose | custard-yellow"
        " | pineapple-yellow | buttercup-yellow | pale yellow | citrus-yellow | honey-yellow"
        " | dandelion-yellow",
        "lemon-yellow",
    ),
    "green": words(
        "green | green | emerald | lime-green | olive | mint-green | leaf-green | jungle-green | pine-green"
        " | jewel-green | moss-green | turquoise-green | malachite | viridian | shamrock-green | chartreuse"
        " | avocado-green | pistachio | fern-green | bottle-green | beryl-green | celadon | sage-green"
        " | clover-green | peridot | gemstone-green | mossy green | bright green"
        " | nephrite | jasper-green | serpentine-green | agate-green | tourmaline-green"
        " | carved-stone green",
        "jade",
    ),
    "blue": words(
        "blue | blue | azure | navy | sapphire | royal-blue | steel-blue | electric-blue | ink-blue"
        " | cornflower-blue | ultramarine | cerulean | denim-blue | lapis-blue | Prussian blue | peacock-blue"
        " | bright blue | delft blue | gentian-blue | metal-blue | indigo-blue | navy-blue"
        " | cyan-blue | enamel-blue | pigment-blue | deep blue"
        " | manganese blue | nickel-blue | mineral blue | glass-blue | ceramic blue | chemical blue",
        "cobalt",
    ),
    "purple": words(
        "purple | deep purple | lavender | plum | lilac | grape-purple | mauve | amethyst | orchid-purple"
        " | aubergine | mulberry | heather-purple | wisteria | iris-purple | heliotrope | bright purple"
        " | royal purple | eggplant-purple | blackcurrant-purple",
        "violet",
    ),
    "white": words(
        "white | pure white | cream-white | pearl-white | chalk-white | milk-white | off-white"
        " | eggshell-white | bone-white | ghost-white | vanilla-white | alabaster | porcelain-white | pearl"
        " | linen-white | cream | milky white | marble-white | cotton-white | lily-white | bright white"
        " | paper-white | tusk-white | whitish | pale white | salt-white | chalky white"
        " | elephant-tusk white | piano-key white | horn-white",
        "ivory",
    ),
    "black": words(
        "black | jet-black | coal-black | raven-black | pitch-black | charcoal-black | onyx-black | obsidian"
        " | sable | ink-black | soot-black | onyx | jet | tar-black | charcoal | inky black | crow-black"
        " | deep black | dark wood black | ash-black | liquorice-black | blackish | panther-black",
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
        "slowly | slowly | gently | very slowly | at a slow pace | calmly | without hurry | without haste"
        " | in no hurry | leisurely | lazily | at a gentle pace | at walking pace | at a relaxed pace"
        " | in a unhasty way | bit by bit",
        "at a easy pace | unhurriedly",
    ),
    "fast": words(
        "fast | quickly | at speed | very fast | hurriedly | at a fast pace | speedily | at high speed"
        " | in a rush | in haste | briskly | at top speed | with speed | in a hurry",
        "rapidly | swiftly",
    ),
}
SPEED_ADJECTIVE = {
    "slow": words("slow | gentle | calm | leisurely | lazy | unrushed", "unhurried"),
    "fast": words("fast | quick | speedy | brisk | hasty", "rapid | swift"),
}
# {d} direction; {v} speed adverb with a space before it, or nothing; {j} speed adjective with one after it.
PAN_CLAUSE = words(
    "the camera pans {d}{v} | the camera glides {d}{v} | the camera moves {d}{v}"
    " | the camera is panning {d}{v} | the view pans {d}{v} | the view moves {d}{v}"
    " | the camera drifts {d}{v} | we move {d}{v}",
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
STILL_CLAUSE = words(
    "the camera holds still | the camera does not move | the camera is still | the camera stays in place"
    " | the view does not move | the camera stays where it is | nothing moves the camera",
    "the view stays put",
)
STILL_NOUN = words(
    "static shot | still camera | camera still | no camera movement | stationary camera | tripod shot"
    " | steady shot | locked-off camera | motionless camera | camera not moving | unmoving shot",
    "fixed shot | camera at rest",
)
STILL_ORDER = words(
    "hold the camera still | stop the camera | stop panning | keep the camera still | stop moving"
    " | do not move | hold this view | remain here | stand still | keep the view where it is"
    " | halt the camera | stay in this place",
    "freeze the view | stay where we are",
)
SPEED_ORDER = {
    "slow": words(
        "slower | slow down | go slower | move slower | move slowly | less speed | reduce the speed"
        " | slow it down | calm down | take it slowly",
        "ease off | crawl along",
    ),
    "fast": words(
        "faster | speed up | go faster | move faster | move fast | more speed | increase the speed | hasten"
        " | accelerate | step on it",
        "pick up the pace | hurry up",
    ),
}
