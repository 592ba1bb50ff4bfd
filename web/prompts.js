// @ts-check
/** Example prompts, in the words of the bundled world: whole scenes, and nudges that change one thing. */

/** @type {readonly string[]} */
export const SCENES = [
  "a red balloon over the desert at dusk",
  "a white sailboat on a calm sea at dawn",
  "a green flying saucer over the night city",
  "birds over a green meadow at noon",
  "a yellow balloon above snowy hills",
  "a purple sailboat in the rain",
];

/** @type {readonly string[]} */
export const NUDGES = [
  "make it snow",
  "night now",
  "broad daylight",
  "fog rolls in",
  "the sky clears",
  "pan to the right",
  "hold the camera still",
];
