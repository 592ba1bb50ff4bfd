"""What words mean, by a table of key words written apart from the lexicon; it knows nothing of the grammar."""

from __future__ import annotations

import re

from lingen_live.world import colour_words, lexicon, templates, typed_words
from lingen_live.world.lexicon import Words

OLD = (
    r"the (air balloon|balloon|hot[- ]air balloon|boat|sailboat|sail boat|sailing boat|yacht|birds|flock of birds"
    r"|seabirds|seagulls|gulls|ufo|flying saucer|saucer|alien ship|spaceship)"
)
# Read in this order; a match is taken out of the text before the next rule, so "stop the rain" is not rain.
# A word that gives another value than the caption's is an error.
RULES: tuple[tuple[str, str, str], ...] = (
    ("weather", "clear", r"(stop|no more|turn off|end) the (rain|snowfall)|no more (rain|falling snow|fog)"),
    (
        "weather",
        "clear",
        r"let (the rain stop|it stop snowing|the fog lift|the haze burn off|the clouds part)",
    ),
    ("weather", "clear", r"(clear|remove) the fog( away)?|(take|blow|remove) the clouds( away)?|clouds vanish"),
    (
        "weather",
        "clear",
        r"not one cloud|clouds (are )?nowhere to be seen"
        r"|(there )?(is |are |be )?no clouds? (anywhere|at all|in the sky)"
        r"|(there be|sky has|no more) (no )?clouds|without (clouds|one single cloud)|not cloudy",
    ),
    ("weather", "cloudy", r"sky without sun|sunless grey sky|dense clouds"),
    ("weather,time", "clear,day", r"(bright|dazzling|radiant|full|strong|glaring) sun(shine)?|sun is dazzling"),
    ("weather", "snowfall", r"(swirling|floating) snow|snow (swirls?|drifts down)|snowflakes swirl"),
    ("weather", "rain", r"(a fine rain )?mizzl(e|es|y|ing)( rain| down)?"),
    ("weather", "rain", r"(it )?pours|outpouring|(it is )?pouring|heavy pour|in sheets"),
    ("weather", "rain", r"rainstorm|rain-(drenched|washed|lashed|filled)"),
    ("weather", "fog", r"brume|smoky|smoke|blurry|blur|vaporous|mist-covered|fog-wrapped"),
    ("time", "dusk", r"(dimming |dusk-|sunset |dusky |owl-|vesper |dusk|evening-|dim evening )light"),
    ("time", "dusk", r"light (dims|is dimming)|sky dims|(gathering )?dusk( gathers)?"),
    ("time", "dusk", r"(after)?glow( of the sun)?"),
    ("biome", "city", r"high buildings|(towering|apartment|tall|multi-storey) (buildings|blocks)|many storeys"),
    ("colour", "green", r"nephrite"),
    ("colour", "orange", r"tangelo|mandarin"),
    ("weather", "clear", r"not a cloud in the sky|(no|without a?) ?clouds?( to be seen)?|(cloud-free|free of clouds)"),
    ("weather", "clear", r"fine( weather)?|weather is fine|good weather"),
    ("subject", "none", r"empty sky|sky is empty|nothing (is )?(in the (sky|air)|flying)( about)?"),
    ("subject", "none", rf"(remove|get rid of|lose|take away) {OLD}"),
    ("subject", "none", rf"(take|let|make|send) {OLD} (away|leave|disappear)"),
    ("", "", rf"(replace|swap|change|trade|make) {OLD} (with|for|into)"),
    (
        "time",
        "dusk",
        r"golden hour|sun (is )?(setting|going down|(goes|has gone) down|sets|is (low|sinking|down)|dipping down)",
    ),
    ("time", "dusk", r"sun dips below the horizon|sun (almost gone|sinking)|(setting|sinking) sun|bring down the sun"),
    ("time", "dusk", r"let the sun (set|go down|sink)|(let|end) the day( end)?|day is (over|ending)|day ends"),
    ("time", "dusk", r"day's end|(end|close) of (the )?day|the night begins|night is about to fall|light is fading"),
    ("time", "dawn", r"sun (is )?(rising|coming up|comes up|rises)|let the sun (rise|come up)|day is breaking"),
    ("time", "dawn", r"let day break|bring up the sun|sun coming over the horizon|rising sun|first rays( of the sun)?"),
    ("time", "dawn", r"end the night|(the )?night (is over|ends)|new day begins?|start of the day"),
    ("time", "dawn", r"break of (dawn|day)|crack of dawn|let the morning come"),
    ("time", "dawn", r"(breaking )?dawn( breaks)?|(start the |on the )?sunrise|(early[- ])?morning( light)?"),
    (
        "time",
        "night",
        r"dead of night|black of night|night has come|long past midnight|late hour of the night|night hours",
    ),
    ("time", "night", r"overnight|moonless dark"),
    ("time", "dusk", r"sun going down|going down of the sun|sun drops low|sun slides down|half-light( of evening)?"),
    (
        "time",
        "dusk",
        r"blue hour|fading light|daylight fades|darkness comes down|dusk comes down|day is done|light goes",
    ),
    ("time", "dusk", r"end of the day|dying day|day's last rays|evening glow"),
    ("time", "dawn", r"cockcrow|day breaks|light returns|new day|first glimmer of day|world wakes up"),
    ("time", "dawn", r"(very )?early in the day|early hours of the morning"),
    ("time", "day", r"twelve o'clock|height of day|in the day|sun stands high|around lunchtime|bright day"),
    ("weather", "snowfall", r"whiteout|snow storm|snow flurry"),
    ("weather", "cloudy", r"hide the sun behind clouds|(steel|slate|metal)-grey|sombre|brooding|sunless|pewter|drab"),
    ("weather", "clear", r"unclouded|spotless sky|open blue sky"),
    ("weather", "rain", r"torrential|torrents?( of rain)?|the heavens open|thunder shower|soaking( wet)?|drenching"),
    ("biome", "meadow", r"green (hills|meadow|grass)|lush green country"),
    ("biome", "desert", r"(golden|red|orange) dunes|(yellow|golden) sands"),
    ("biome", "snow", r"white (hills|landscape|land)"),
    ("biome", "sea", r"(deep )?blue (sea|water|ocean|lagoon)"),
    ("biome", "meadow", r"green fields|grazing land|green plain|cropland|grassy valley|lawn of tall grass"),
    ("biome", "desert", r"expanse of sand|parched land|hot sands|sun-baked waste|gobi"),
    ("biome", "snow", r"north pole|siberia|snowscape|icy hills|icy plain|frosty mountains"),
    ("biome", "city", r"built-up area|high street|rows of tall houses|concrete jungle|big-city street"),
    ("colour", "black", r"dark wood black|[a-z]+-black|(inky|deep) black"),
    ("time", "dawn", r"daybreak|first light"),
    ("time", "day", r"(middle of|halfway through|light of) (the )?day|(broad |full )?daylight|high noon|lunchtime"),
    ("time", "dusk", r"dusk|sunset|(late-)?evening( light)?|twilight|sundown|gloaming|eventide|nightfall|last light"),
    ("weather,time", "clear,day", r"sunny|sunshine|sun-filled|brilliant sun|sun is shining|the sun shine"),
    ("weather,time", "clear,day", r"bring out the sun|sunlight|sunlit|sun-drenched|blazing sun|sun blazes?"),
    ("weather,time", "clear,night", r"starry|moonlit|moonlight|(the )?(twinkling )?stars|moon is (shining|out)"),
    ("weather,time", "clear,night", r"starlit|starlight|the moon( shine)?"),
    ("time", "night", r"dark night( sky)?|night is dark|(full )?dark|darkness|small hours"),
    ("time", "night", r"(late-)?night(time)?|midnight|nocturnal|after dark"),
    ("time", "day", r"day(time|light)?|noon|midday|afternoon"),
    ("weather", "snowfall", r"storm of snow|snowstorm|(driving|whirling|drifting) snow|snow (squall|gale|flurries)"),
    ("weather", "snowfall", r"(flurries|specks|gale) of snow|snow (comes?|coming) down|snow (whirl(s|ing)?|shower)"),
    ("biome", "snow", r"snowy|snow-covered|snow-capped|winter|wintry|frozen|arctic|icy|white mountains|snowfields"),
    ("biome", "snow", r"snow and ice|land of ice|glacier|polar|ice field"),
    ("weather", "snowfall", r"snowing|snowfall|snowflakes|falling snow|snow (is )?falling|make it snow"),
    ("weather", "snowfall", r"let it snow|blizzard|(drifting |the )flakes"),
    ("weather", "clear", r"clear|cloudless|fair weather"),
    ("weather", "rain", r"raindrops?|rainfall|showers?|showery|deluge|cloudburst|wet|rain-swept|sprinkles?|spits|pour"),
    ("weather", "fog", r"murky?|smog|smoggy|vapour|steam|fog-covered"),
    ("weather", "cloudy", r"cloudy|clouds?|overcast|grey|leaden|gloomy|dull|dreary"),
    ("weather", "rain", r"rain(ing|y|s)?|rain-soaked|storm|stormy|drizzl\w+|drizzle|downpour"),
    ("weather", "fog", r"fog|foggy|fogbound|mist|misty|haze|hazy"),
    ("biome", "meadow", r"meadow|grassy|grassland|fields of grass|pasture|prairie|farmland"),
    ("biome", "meadow", r"countryside|steppe|hayfield|farm fields|wide field"),
    ("biome", "desert", r"desert|sandy?|sands|dunes|arid|sahara"),
    ("biome", "sea", r"sea|seas|ocean|waves|open water|water|pacific|atlantic|bay|lake"),
    ("biome", "city", r"city|skyscrapers|tall buildings|metropolis|high-rises|downtown|urban"),
    ("biome", "city", r"town|cityscape|towers|tower blocks|blocks of flats"),
    ("subject", "balloon", r"balloon"),
    ("subject", "sailboat", r"sailboat|sailing boat|sail boat|boat|yacht|sailing ship"),
    ("subject", "birds", r"birds|seabirds|seagulls|gulls"),
    ("subject", "saucer", r"((flying|alien) )?saucer|ufo|alien ship|spaceship|alien spacecraft|flying disc"),
    ("colour", "red", r"(pillar-box |[a-z]+-)?red|crimson|scarlet|ruby|vermilion|maroon|burgundy|carmine|garnet"),
    ("colour", "orange", r"([a-z]+-)?orange(-coloured)?|tangerine|amber|apricot|persimmon|clementine|satsuma"),
    ("colour", "yellow", r"([a-z]+-)?yellow|golden|mustard|primrose"),
    ("colour", "green", r"([a-z]+-)?green|emerald|jade|olive|malachite|viridian|chartreuse|pistachio|celadon|peridot"),
    ("colour", "blue", r"([a-z]+-)?blue|azure|cobalt|navy|sapphire|ultramarine|cerulean"),
    (
        "colour",
        "purple",
        r"([a-z]+-)?purple|violet|lavender|plum|lilac|mauve|amethyst|aubergine|mulberry|wisteria|heliotrope",
    ),
    ("colour", "white", r"([a-z]+-)?white|ivory|alabaster|pearl|cream|whitish"),
    ("colour", "black", r"([a-z]+-)?black|ebony|obsidian|sable|onyx|jet|charcoal|blackish"),
    ("pan", "still", r"still|static|stop (the camera|panning|moving)|fixed shot|at rest|freeze the view"),
    (
        "pan",
        "still",
        r"does not move|no camera movement|stays put|stay where|stays (in place|where it is)|nothing moves",
    ),
    ("pan", "still", r"(stationary|locked-off|motionless) camera|(tripod|steady|unmoving) shot|camera not moving"),
    ("pan", "still", r"do not move|hold this view|remain here|where it is|halt the camera|stay in this place"),
    ("pan", "left", r"left|leftwards"),
    ("pan", "right", r"right|rightwards"),
    (
        "speed",
        "slow",
        r"slow( down)?|slowly|slower|gently|gentle|calm(ly)?|an easy pace|ease off|unhurried(ly)?|crawl along"
        r"|(less|reduce the) speed|without (hurry|haste)|in no hurry|leisurely|lazi?ly|lazy|(walking|relaxed) pace"
        r"|unrushed|unhasty|bit by bit",
    ),
    (
        "speed",
        "fast",
        r"fast|faster|quick|quickly|(more |increase the )?speed|rapid|rapidly|swift|swiftly|hurry up|hurriedly"
        r"|pick up the pace|speedily|(high|top) speed|with speed|in a (rush|hurry)|in haste|brisk(ly)?|hasten"
        r"|hasty|speedy|accelerate|step on it",
    ),
)

_ANY_COLOUR = (
    r"((dark |light |bright |pale )?(red|orange|yellow|green|blue|purple|white|black|golden|silver|pink|turquoise"
    r"|emerald|crimson|azure|amber|jet-black))"
)
_LEFT = r"(sail ?boat|sailing boat|boat|(flock of )?(sea)?birds|seagulls|ufo|(flying )?saucer|alien ship)"
_LEFT = rf"(the )?({_LEFT[1:-1]}|(hot-air |air )?balloon)"
# What typed prompts say beside, read before the rest: the colours of lands, skies and hours are no subject's.
_TYPED_FIRST: tuple[tuple[str, str, str], ...] = (
    ("subject", "none", rf"(no|no more|no more of|without|away with|delete|hide|there should be no) {_LEFT}"),
    ("weather", "clear", r"(no|no more|without|hide the|away with the) clouds|(make it )?stop (raining|snowing)"),
    ("weather", "clear", r"(no|without|enough) (rain|snowfall|fog|snowing)|stop the fog|take the fog away"),
    ("time", "night", r"moonless dark|full dark(ness)?"),
    ("biome", "desert", rf"{_ANY_COLOUR} ((sand |desert )?dunes|sands?|desert)|sand hills"),
    ("biome", "meadow", rf"{_ANY_COLOUR} (fields?(?! of snow)|grass|meadow|hayfield|grassland|grassy hills)"),
    ("biome", "snow", rf"(?<!falling ){_ANY_COLOUR} snow(?! (is )?falling)"),
    ("biome", "snow", rf"{_ANY_COLOUR} (snowfields|snowy mountains|glaciers?|winter landscape|snowy hills)"),
    ("biome", "sea", rf"{_ANY_COLOUR} (ocean|lake)"),
    ("biome", "city", rf"{_ANY_COLOUR} (city|skyscrapers|towers|town|tower blocks|skyline)"),
    ("biome", "meadow", r"(green|golden) (hills|fields?|valley|slopes|hayfield|grassland)|yellow grass|emerald meadow"),
    ("biome", "meadow", r"(meadow|field) of (red|yellow|purple|white) (poppies|flowers)"),
    ("biome", "snow", r"(?<!falling )white snow(?! (is )?falling)|white (winter landscape|fields of snow|glacier)"),
    ("biome", "snow", r"(white )?(snowy|snow-covered|frozen|icy) hills|snow and ice|blue glaciers?"),
    ("biome", "snow", r"white (mountain tops|plain of snow)|pink snowy peaks|mountains of snow"),
    ("biome", "snow", r"(the )?(alps|antarctica|himalayas)"),
    ("biome", "sea", rf"{_ANY_COLOUR} (sea|lagoon|(ocean )?waves|water)"),
    ("biome", "city", r"(white|golden|blue) city|white skyscrapers|black skyline|red-brick town|black towers"),
    ("biome", "city", r"white tower blocks|city of red roofs|blue glass towers|town with orange roofs"),
    ("biome", "city", r"new york|tokyo|london|paris|manhattan"),
    ("time", "dawn", r"(golden |red |pink )?(sunrise|sun rise)( sky)?|red (dawn|morning sky)|orange light of morning"),
    ("time", "dawn", r"wake up the sun"),
    ("time", "day", r"white light of noon|back to day|day time"),
    ("time", "dusk", r"red light of the sunset|(the )?red sun sets|(red|orange|golden) sunset|golden evening light"),
    ("time", "dusk", r"(red |purple |orange )?evening sky|make the sun set|sun set"),
    ("time", "night", r"turn off the sun|make it darker|black night( sky)?|night sky"),
    ("weather,time", "clear,day", r"golden sun(shine|light| shines)|yellow sunlight"),
    ("weather,time", "clear,day", r"sunny day"),
    ("weather,time", "clear,night", r"(white |silver )stars|black sky full of stars|white moon( shines)?|full moon"),
    ("weather", "clear", r"(clear )?blue (sky|skies)|sky (is )?blue"),
    ("weather", "cloudy", r"(white|black|dark|grey) clouds|(heavy )?(white|grey|iron-grey|gloomy) (sky|skies)"),
    ("weather", "snowfall", r"(in )?falling white snow|(with )?white snow( is)? falling|((when|as) )?it snows"),
    (
        "weather",
        "snowfall",
        r"snow(!| please| falling| whirl(s|ing) down)|(start snow(ing)|(add|more|i want|now) snow)|snow storm",
    ),
    ("weather", "fog", r"(white|grey|yellow) (fog|mist)"),
    (
        "weather",
        "rain",
        r"raining hard|pouring down|dripping wet|fine mizzle|showering|raindrops splash|it (showers|mizzles)",
    ),
    ("weather", "rain", r"(it )?pours down in buckets"),
    (
        "weather",
        "clear",
        r"(rainless fine weather|(fog|mist|storm|rain)less)( sky| weather)?|no cloud in sight|clouds all gone",
    ),
    ("weather", "cloudy", r"(iron|tin-grey|zinc|stony|ashen|sullen) sky"),
    (
        "weather",
        "snowfall",
        r"(drifting|whirling|tumbling|floating) (crystals|specks)( of snow)?|(fluffy|dancing) snowflakes",
    ),
    ("weather", "snowfall", r"(feathery|powder) snow (coming down|falling)"),
    (
        "weather",
        "rain",
        r"(make it )?(?<!snow )storm(?! of snow)|thunderstorm( rages)?|thunder and rain|bring a storm",
    ),
    ("subject", "balloon", r"(hot-air )?balloons"),
    ("subject", "sailboat", r"(sail)?boats"),
    ("subject", "birds", r"bird|seagull|geese"),
    ("subject", "saucer", r"ufos|flying saucers"),
    ("colour", "yellow", r"(light |dark )?(yellow|gold)"),
    ("colour", "red", r"(light |dark )red"),
    ("colour", "orange", r"(light |dark )orange"),
    ("colour", "green", r"(light |dark )green"),
    ("colour", "blue", r"(light |dark )blue"),
    ("colour", "purple", r"(light |dark )purple"),
    ("pan", "still", r"stop here|stay( here)?|don't move|no panning|hold still|wait here|stop the pan"),
    ("speed", "slow", r"too fast|not so fast"),
    ("speed", "fast", r"too slow|quicker"),
)
# And what they say so barely that all else must have been read.
_TYPED_LAST: tuple[tuple[str, str, str], ...] = (
    ("biome", "desert", r"sand"),
    ("biome", "meadow", r"fields?|hills"),
    ("biome", "city", r"buildings|houses"),
    ("weather", "snowfall", r"snow"),
    ("weather,time", "clear,day", r"sun"),
    ("pan", "still", r"stop"),
)
# Words of a colour stand in the world's own table: there is no second opinion on them.
_TYPED_WORDS = tuple(
    ("colour", colour, rf"((bright|dark) )?({'|'.join(names)})(-coloured|[ -]{colour})?")
    for colour, names in colour_words.COLOUR_WORDS.items()
)
TYPED_RULES = _TYPED_WORDS + _TYPED_FIRST + RULES + _TYPED_LAST


def read(text: str, rules: tuple[tuple[str, str, str], ...] = RULES) -> dict[str, set[str]]:
    """The values of every attribute that the words of a text stand for."""
    text = text.lower()
    found: dict[str, set[str]] = {}
    for names, values, pattern in rules:
        text, n_matches = re.subn(rf"(?<![\w-])({pattern})(?![\w-])", "#", text)
        if n_matches and names:
            for name, value in zip(names.split(","), values.split(","), strict=True):
                found.setdefault(name, set()).add(value)
    return found


def held_out_patterns() -> set[str]:
    """Regular expressions of all phrasings that training may not say."""
    return {p for entry in all_words() for phrase in entry.held_out for p in _patterns(phrase)}


def all_words() -> list[Words]:
    """Every entry of every table."""
    tables = [value for module in (lexicon, templates, typed_words) for value in vars(module).values()]
    nested = [table.values() for table in tables if isinstance(table, dict) and "__name__" not in table]
    return [entry for entry in [*tables, *(w for n in nested for w in n)] if isinstance(entry, Words)]


def _patterns(phrase: str) -> list[str]:
    """Regular expressions of a phrasing's forms, with any words in the place of its slots."""
    slots = {
        "{old}": r"the [\w -]+",
        "{d}": r"[\w ]*(left|right)(wards)?",
        "{}": r"([\w-]+ ){0,2}",
        "{v}": r"[\w -]*",
        "{j}": r"([\w-]+ )?",
    }
    patterns = []
    for form in phrase.strip().split("/"):
        parts = re.split(r"(\{\w*\})", re.sub(r"^(a|the) ", "", form.lower()))
        body = "".join(slots.get(p, r"[\w' -]+") if p.startswith("{") else re.escape(p) for p in parts)
        patterns.append(rf"(?<![\w-]){body}(?![\w-])")
    return patterns
