"""Plain words of short prompts, beside those of the lexicon: for the reader's training alone.

Clips and measurements draw their texts without these, so that adding a word here changes no text of theirs. Only
data. Colours stand here where they are no subject's too: in names of lands, of skies and of times of day.
"""

from __future__ import annotations

from lingen_live.world import lexicon, templates
from lingen_live.world.lexicon import Words, words


def _beside(table: dict[str, Words], further: dict[str, str]) -> dict[Words, tuple[str, ...]]:
    """Further phrasings, under the entry of the lexicon that they stand beside."""
    return {table[value]: words(text).train for value, text in further.items()}


_BIOME = {
    "desert": "the dunes | dunes | the desert | desert | desert dunes | sand | red dunes | orange dunes | golden dunes"
    " | red sands | orange sands | the red desert | a red desert | a golden desert | a yellow desert | white sands"
    " | a white desert | red sand dunes | orange sand dunes | golden sand | yellow sand | pink sands | black sands",
    "meadow": "a meadow | a field | fields | hills | green hills | green fields | a green field | a green valley"
    " | green slopes | a golden hayfield | golden fields | yellow grass | golden grassland | a emerald meadow"
    " | a meadow of red poppies | a field of yellow flowers | a field of purple flowers | a meadow of white flowers",
    "snow": "snowy mountains | a snowy mountain | snowy hills | the Alps | Antarctica | the Himalayas | white snow"
    " | a white winter landscape | white fields of snow | a blue glacier | blue glaciers | a white glacier"
    " | white snowy hills | white mountain tops | a white plain of snow | pink snowy peaks | mountains of snow",
    "sea": "the sea | the ocean | water | the water | the waves | sea | the blue sea | the green sea | a turquoise sea"
    " | the black sea | blue waves | white waves | the emerald sea | a red sea | a golden sea | blue ocean waves"
    " | dark blue water | black water | silver water | a green lagoon | the purple sea",
    "city": "the city | a city | city | a town | buildings | houses | New York | Tokyo | London | Paris | Manhattan"
    " | a white city | white skyscrapers | a black skyline | a red-brick town | black towers | white tower blocks"
    " | a golden city | a city of red roofs | blue glass towers | a town with orange roofs | a blue city",
}
_TIME_ADVERB = {
    "dawn": "at dawn | at sunrise | in the morning | in a golden sunrise | in a red dawn | under a red morning sky"
    " | in the orange light of morning | before a pink sunrise",
    "day": "at noon | in the afternoon | during the day | in daylight | in the white light of noon",
    "dusk": "at dusk | at sunset | in the evening | under a red sunset | in a red sunset | in a orange sunset"
    " | before a red evening sky | in golden evening light | with a golden sunset | under a purple evening sky"
    " | in the red light of the sunset | as the red sun sets | under a orange evening sky",
    "night": "at night | at midnight | in the night | in the dark | in the black night | in a black night"
    " | under a black night sky",
}
_TIME_NOUN = {
    "dawn": "dawn | sunrise | morning | sun rise | sunrise sky | red sunrise | golden sunrise | dawn light"
    " | red morning sky | early in the morning",
    "day": "day | daytime | noon | afternoon | at noon | day time",
    "dusk": "dusk | sunset | evening | sun set | sunset sky | evening sky | red sunset | orange sunset | golden sunset"
    " | purple evening sky | red evening sky | at sunset | in the evening",
    "night": "night | nighttime | night time | midnight | black night | night sky | at night",
}
_TIME_ORDER = {
    "dawn": "make it morning | make it dawn | sunrise please | i want the sunrise | wake up the sun",
    "day": "make it day | make it daytime | daylight please | i want daylight | back to day",
    "dusk": "make it evening | make it sunset | sunset please | i want a sunset | sunset now | make the sun set",
    "night": "make it night | night please | i want night | turn off the sun | nighttime now | make it darker",
}
_WEATHER_ADVERB = {
    "clear": "under a blue sky | under blue skies | with a blue sky | under a clear sky | with no clouds"
    " | under a clear blue sky | with no cloud in sight | under a fogless sky | under a mistless sky"
    " | under a stormless sky | in fogless weather | in rainless fine weather | with the clouds all gone",
    "cloudy": "under black clouds | under white clouds | under dark clouds | with clouds | under a cloudy sky"
    " | in front of white clouds | under a grey sky | under a heavy grey sky | under a iron-grey sky"
    " | under a white sky | under a gloomy sky | under a iron sky | under a tin-grey sky | under a zinc sky"
    " | under a stony sky | under a ashen sky | under a sullen sky",
    "rain": "in the rain | in a storm | in the storm | in a thunderstorm | in stormy weather | as it rains"
    " | with thunder and rain | in heavy rain | in pouring rain | as rain pours down | in a heavy shower"
    " | as raindrops splash | in a thin mizzle | in a fine mizzle | in dripping wet weather | as it showers"
    " | as it mizzles | as it pours down in buckets",
    "snowfall": "in falling white snow | as it snows | when it snows | in falling snow | in a snowstorm"
    " | with white snow falling | among snowflakes | in heavy snowfall | as snow whirls down"
    " | among drifting crystals of snow | among whirling specks of snow | among drifting specks"
    " | among tumbling crystals | among floating specks | among dancing snowflakes | among fluffy snowflakes"
    " | with feathery snow coming down | with powder snow falling",
    "fog": "in fog | in the fog | in mist | in white fog | in white mist | in grey fog | in yellow fog",
    "sunny": "in golden sunshine | in golden sunlight | in yellow sunlight | in the sun | on a sunny day",
    "starry": "under silver stars | under a black sky full of stars | under white stars | by the white moon",
}
_WEATHER_NOUN = {
    "clear": "clear | clear sky | blue sky | blue skies | no clouds | clear blue sky | fogless | mistless | rainless"
    " | stormless | no cloud in sight | clouds all gone | fogless sky | mistless sky",
    "cloudy": "clouds | cloudy | black clouds | dark clouds | white clouds | grey clouds | overcast | grey sky"
    " | heavy grey sky | grey skies | iron-grey sky | low grey sky | white sky | gloomy sky | iron sky | tin-grey sky"
    " | zinc sky | stony sky | ashen sky | sullen sky",
    "rain": "rain | raining | storm | stormy | thunderstorm | rainy weather | lots of rain | thunder and rain"
    " | heavy rain | pouring rain | pouring down | raining hard | a heavy shower | mizzling | fine mizzle | showering"
    " | showers of rain | raindrops",
    "snowfall": "snow | snowing | falling snow | snow falling | it snows | white snow falling"
    " | snowflakes | snowstorm | lots of snowflakes | heavy snowfall | snow whirling down | drifting crystals of snow"
    " | drifting specks of snow | dancing snowflakes | powder snow falling | feathery snow falling",
    "fog": "fog | foggy | mist | white fog | grey mist",
    "sunny": "sunny | sunshine | golden sunshine | golden sunlight | sunny day",
    "starry": "stars | moonlight | white stars | full moon",
}
_WEATHER_CLAUSE = {
    "clear": "the sky is blue | the sky is clear | there is a blue sky",
    "cloudy": "there are white clouds | there are black clouds | dark clouds gather | it is cloudy",
    "rain": "it is raining | it rains | there is a storm | a thunderstorm rages | it is stormy",
    "snowfall": "it is snowing | it snows | white snow is falling",
    "fog": "it is foggy | there is fog | white fog hides everything",
    "sunny": "it is sunny | the sun is shining | the golden sun shines",
    "starry": "the stars are out | the white moon shines",
}
_WEATHER_ORDER = {
    "clear": "clear sky please | blue sky please | make the sky blue | a blue sky",
    "cloudy": "clouds please | add clouds | more clouds | add dark clouds | i want clouds | bring white clouds",
    "rain": "rain | now rain | rain please | add rain | more rain | start raining | a storm | bring a storm"
    " | thunderstorm | i want rain | make it storm | rain!",
    "snowfall": "snow | now snow | snow please | add snow | more snow | start snowing | let it snow | i want snowfall"
    " | snow!",
    "fog": "fog | fog please | add mist | more fog | i want fog | mist",
    "sunny": "sun please | more sun | i want sun | sunshine please",
    "starry": "stars please | add stars | i want stars",
}
_WEATHER_LEAVES = {
    "cloudy": "no clouds | no more clouds | without clouds | hide the clouds | away with the clouds",
    "rain": "stop raining | no rain | without rain | make it stop raining | enough rain",
    "snowfall": "stop snowing | no snowfall | make it stop snowing | enough snowing",
    "fog": "no fog | stop the fog | without fog | take the fog away | enough fog",
}
_SUBJECT = {
    "balloon": "a {}balloon | a {}balloon | {}balloons | a {}hot-air balloon",
    "sailboat": "a {}boat | a {}sailboat | {}boats | {}sailboats",
    "birds": "{}birds | {}birds | a {}bird | a {}seagull | {}geese",
    "saucer": "a {}UFO | a {}UFO | a {}flying saucer | {}UFOs | {}flying saucers",
}
_COLOUR = {
    "red": "red | red | red | bright red | dark red | light red",
    "orange": "orange | orange | orange | dark orange | light orange",
    "yellow": "yellow | yellow | golden | gold | light yellow | dark yellow",
    "green": "green | green | green | dark green | light green",
    "blue": "blue | blue | blue | dark blue | light blue",
    "purple": "purple | purple | dark purple | light purple",
    "white": "white | white | white | all white",
    "black": "black | black | black | all black",
}
_SPEED_ORDER = {
    "slow": "slower please | a bit slower | too fast | not so fast | slow | slow please",
    "fast": "faster please | a bit faster | much faster | too slow | quicker | fast | fast please",
}

FURTHER: dict[Words, tuple[str, ...]] = {
    **_beside(lexicon.BIOME, _BIOME),
    **_beside(lexicon.TIME_ADVERB, _TIME_ADVERB),
    **_beside(lexicon.TIME_NOUN, _TIME_NOUN),
    **_beside(lexicon.TIME_ORDER, _TIME_ORDER),
    **_beside(lexicon.WEATHER_ADVERB, _WEATHER_ADVERB),
    **_beside(lexicon.WEATHER_NOUN, _WEATHER_NOUN),
    **_beside(lexicon.WEATHER_CLAUSE, _WEATHER_CLAUSE),
    **_beside(lexicon.WEATHER_ORDER, _WEATHER_ORDER),
    **_beside(lexicon.WEATHER_LEAVES, _WEATHER_LEAVES),
    **_beside(lexicon.SUBJECT, _SUBJECT),
    **_beside(lexicon.COLOUR, _COLOUR),
    **_beside(lexicon.SPEED_ORDER, _SPEED_ORDER),
    templates.FLOAT_PLACE: words("over | above | in | over").train,
    templates.SEA_PLACE: words("on | in | at").train,
    templates.BIOME_ORDER: words(
        "{b} | {b} please | i want {b} | show {b} | show me {b} | and now {b} | let's go to {b} | can we see {b}"
    ).train,
    templates.TIME_ORDER_FRAME: words(
        "{m} | {m} please | make it {m} | let's have {m} | i want {m} | can it be {m} | and now {m}"
    ).train,
    templates.ARRIVE: words(
        "{s} | {s} please | add {s} | with {s} | can you add {s} | give me {s} | now {s} | can we have {s}"
        " | i want to see {s} | and {s}"
    ).train,
    templates.LEAVE: words("delete {old} | hide {old} | no more of {old} | without {old} | away with {old}").train,
    templates.COLOUR_ORDER: words(
        "make {old} {c} | colour {old} {c} | i want {old} {c} | {old} in {c} | {old} {c} please | {old} is {c} now"
    ).train,
    lexicon.PAN_ORDER: words(
        "{d}{v} | pan {d}{v} | go {d}{v} | camera {d}{v} | look {d}{v} | turn {d}{v} | scroll {d}{v} | move {d}{v}"
    ).train,
    lexicon.STILL_ORDER: words(
        "stop | stop here | stay | stay here | don't move | no panning | hold still | wait here | stop the pan"
    ).train,
}
"""What a typed prompt says at times in place of a phrasing of the lexicon's entry."""

# Lands of any colour: "{}" takes a colour and a space. All of a land's nouns are met in all colours, so that whose a
# colour is can only be learnt from what it stands before.
COLOURED_LAND = {
    "desert": words("{}dunes | a {}desert | {}sand | {}sands | {}sand dunes | the {}dunes | the {}desert"),
    "meadow": words("{}fields | a {}field | {}grass | a {}meadow | a {}hayfield | {}grassland | {}grassy hills"),
    "snow": words("{}snow | {}snowfields | {}snowy mountains | a {}glacier | a {}winter landscape | {}snowy hills"),
    "sea": words("the {}sea | {}water | the {}ocean | a {}lake | {}ocean waves | a {}lagoon | the {}water"),
    "city": words("a {}city | {}skyscrapers | {}towers | a {}town | the {}city | {}tower blocks | a {}skyline"),
}
LAND_COLOURS = words(
    "red | orange | yellow | golden | green | blue | purple | white | black | dark red | light green | dark blue"
    " | bright yellow | pink | silver | emerald | crimson | azure | amber | pale yellow | jet-black | dark green"
)
COLOUR_ALONE = words(
    "make it {c} | {c} | {c} please | paint it {c} | now {c} | in {c} please | turn it {c} | change the colour to {c}"
    " | change the color to {c} | i want it {c} | {c} instead"
)
"""Of a subject that is not named."""
NONE_LEFT = words("no {old} | no {old} please | no more {old} | without {old} | there should be no {old}")
SENTENCE_END = (". ", ". ", "! ", ".. ", " and then ", " - ", ", ")
