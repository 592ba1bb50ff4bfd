"""Words that are no colours by themselves but name one in lists of colour names, and adjectives that are no colours.

For the reader's training alone. The lexicon's colours are so few that a reader knows them by heart; hundreds more, each
met a few times, it can only get right by what the vocabulary says of a word's colour, and then it has also words right
that it has never met. Each is of its colour more often than of any other of the eight in the names that hold it
(`lingen_live/train/colour_names.py`), and stands nowhere else in captions. Only data.
"""

from __future__ import annotations

from lingen_live.world.lexicon import words

COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    colour: tuple(text.split())
    for colour, text in {
        "red": "ablaze auburn bacon barbecue barn bleeding bloody brickyard cajun carmen cayenne chilli chutney "
        "cinnabar claret clown comb corazon cordial cranberry demon devil dynamite embers escalante "
        "fireball firecracker flushed furious furnace grenadier heartbeat hearts hotspot inferno infrared "
        "kabuki ketchup kobe lava lifeguard lips lobster lollipop magma mandy mario monza morocco nippon "
        "ogre partridge pizza pomegranate radish reddish redstone redwood rhubarb robin rojo rosso rouge "
        "russet salami salsa samba sequoia shiraz sizzling spicy syrah tabasco tandoori tangier "
        "thunderbird valencia valentine vampire warlock whiplash whisky",
        "orange": "acorn anzac cantaloupe carnival cheddar cloudberry copperhead cornucopia dixie doughnut "
        "encounter flamenco fulvous jambalaya longan mandalay mango marmalade muskmelon navel oriole peru "
        "pilsner sludge squash toucan treacle turmeric wildfire yam zambia zinnia",
        "yellow": "alchemy amok birdie bollywood brassy broom bumblebee buzz cheesy chia chick chimes confetti "
        "couscous credo daisy dolly enigma finger germania giraffe gluten goldenrod grassroots hive "
        "kowloon lager laser lemonade limelight maize margarine milan minions pancake picasso pina pollen "
        "pyrite sandstorm soleil stella sunnyside superstar thunderbolt tortilla treasury trumpet "
        "valkyrie yarrow yellowstone yolk yuma",
        "green": "abomination acid algae arugula belfast borg botanical broccoli brunswick chinook dublin electra "
        "epsom esmeralda fairway flora fluorescence football frankenstein frog glendale godzilla golf "
        "greener greenery greenhouse herbs homegrown hulk irish jurassic kale kilkenny kiwi leafy "
        "leapfrog lettuce lima luck luigi mantis melbourne okra overgrown padua parsley pickle picnic "
        "planter plutonium poisonous primavera radioactive radium slime stalk starboard sushi toxic "
        "tropicana turf vegan venom venomous verdant",
        "blue": "aero americana astral astro athens atmosphere bikini bondi bridgeport brig cairns carbide "
        "chivalry clarinet commodore copacabana cornwall cousteau danube daphne endeavour expressionism "
        "felix groundwater hemisphere honolulu hydra impulse kentucky marina mariner mozart nancy "
        "nautical naval navigator neptune newport orbital pacifica parachuting peninsula peyton "
        "phenomenon planetarium plunder pontoon poseidon regatta rhodes scuba secrecy shakespeare sinatra "
        "sorcerer surgical swimmer tanzanite tardis tribute tropic unity watertown windsurfing zenith",
        "purple": "acai afterlife benevolence champion charisma clary damson dewberry dreamscape eminence euphoria "
        "geode majesty meteorite nebula occult petunia pride regalia turnip ube ultraviolet veronica "
        "voodoo wineberry",
        "white": "abalone admiration albino aquifer aria astronomer bianca blanco breaker bridal bride brilliance "
        "buttermilk calcium carrara cauliflower cheesecake clarity columbine coronation crystalline "
        "cumulus dairy delicacy devonshire diamond emptiness eyeball fence flashlight fluff frosting fuji "
        "glimpse guesthouse gypsum helium hipster hourglass hudson husky icing jupiter lace lamb laughter "
        "liberia lotion magnolia maiden mannequin mantra marshmallow mayonnaise memoir muse nuance nylon "
        "ostrich panache parmesan peachtree pearls penelope pillow pita placebo platinum portal prelude "
        "promenade radisson risotto sausage sauvignon sawdust shells silky skeleton sphere spotlight "
        "string sumatra tara teapot tofu transcendence translucent turbulence tutu unicorn verve wafer "
        "whiskers whitewash windmill wisdom",
        "black": "acadia anthracite bastille blackout bunker cinder diesel ganache haiti jaguar limo mole nero "
        "nightmare noir petroleum pupil roanoke salute sooty stallion stout tamarind umbra underworld "
        "vantablack",
    }.items()
}
ADJECTIVES = words(
    "big | small | tiny | lonely | old | beautiful | huge | pretty | lovely | distant | strange | quiet | little"
    " | majestic | colourful | shiny | wooden | giant | large | round | lone | mysterious | elegant | graceful"
    " | broken | fragile | noisy | silent | happy | sad | proud | brave | crazy | funny | weird | modern | ancient"
    " | vintage | modest | bulky | slender | grand | mighty | odd | nice | cute | cheap | expensive | enormous"
    " | gigantic | famous | faraway | solitary | dainty | sleek | rusty | stripy | patterned | painted | friendly"
    " | hostile | sparkling"
).train
"""Of a subject without a colour."""
