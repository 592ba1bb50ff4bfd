"""The frames captions hang their words in: openings, sentence patterns and orders, split like the lexicon."""

from __future__ import annotations

from lingen_live.world.lexicon import Words, words

# Before a noun phrase.
OPENING = words(
    "a video of | show me | I want | I want to see | now | please show | let's see | give me | show | a view of",
    "imagine | picture | I'd like to see | could we have | how about | footage of",
)
# {s} a subject with its place and the rest.
SUBJECT_SENTENCE = words("there is {s} | we see {s} | you can see {s} | this is {s}", "here comes {s} | look at {s}")
PLURAL_SUBJECT_SENTENCE = words("there are {s} | we see {s} | you can see {s}", "here come {s} | look at {s}")
# {b} a biome with the rest.
BIOME_SENTENCE = words(
    "we are flying over {b} | we fly over {b} | the scene is {b} | you can see {b} | the video shows {b}",
    "we are looking out over {b} | our journey crosses {b} | everything around us is {b}",
)
FLOAT_PLACE = words("over | above | over", "high above")
SEA_PLACE = words("on | across", "out on")
LAND_PLACE = words("in | across | in the middle of", "straight across")
PLURAL_LAND_PLACE = words("through | amid | in the middle of", "straight through")
# Between clauses; spaces count.
CLAUSE_JOIN = Words((" and ", ", and ", ", ", ". "), (" while ", "; "))

BIOME_ORDER = words(
    "fly over {b} | take us to {b} | go to {b} | change the scene to {b} | change the landscape to {b}"
    " | {b} now"
    " | switch to {b} | let's see {b} | now {b}",
    "bring us to {b} | head for {b} | swap the ground for {b}",
)
TIME_ORDER_FRAME = words(
    "make it {m} | turn it to {m} | {m} now | now {m} | switch to {m} | let it be {m} | change the time to {m}",
    "jump to {m} | skip ahead to {m} | make the light that of {m}",
)
ARRIVE = words(
    "add {s} | bring in {s} | put {s} in the scene | let {s} appear | now with {s} | I want {s} | show {s}",
    "have {s} come by | place {s} in view | have {s} join us",
)
REPLACE = words(
    "replace {old} with {s} | swap {old} for {s} | change {old} into {s}",
    "trade {old} for {s} | make {old} into {s}",
)
LEAVE = words(
    "remove {old} | take {old} away | take away {old} | get rid of {old} | let {old} leave | make {old} disappear",
    "send {old} away | lose {old}",
)
COLOUR_ORDER = words(
    "turn {old} {c} | make {old} {c} | paint {old} {c} | change {old} to {c} | {old} should be {c}",
    "dye {old} {c} | give {old} a {c} coat | let {old} become {c}",
)
ORDER_JOIN = Words((" and ", ", and ", ", ", " and then "), ("; ", " and also "))
ORDER_OPENING = words("please | now | ok, | and now", "alright, | next,")
ORDER_CLOSING = Words((" now", ", please"), (" at once", ", if you can"))
