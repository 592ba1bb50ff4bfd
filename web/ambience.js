// @ts-check
/**
 * The light the picture throws on the page, and a still of it that stays when the video goes away.
 *
 * The glow is a tiny canvas, softened by scaling down and up again and faded at its edge inside the canvas, then
 * stretched by CSS: no blur filter and no mask, which would cost the compositor a full-screen pass a frame on a
 * machine that may be generating the video at the same time.
 */

const GLOW_PX = 64;
const SEED_PX = 6;
const EASE = 0.3;
const STRONGEST = 0.8;
/** Text beside the picture stays readable (4.5 : 1) up to this brightness of the light in its middle. */
const BRIGHTEST = 0.38;
/** A light page, and down to which brightness of the light its dark text stays readable. */
const PAPER = 0.94;
const DARKEST = 0.79;

/**
 * How strongly colours may shine so that words beside them stay readable: on a dark page a night fully and a snowfield only a
 * little, on a light page the other way round.
 * @param {ArrayLike<number>} pixels RGBA, 0 to 255
 * @param {boolean} [isLight] the page
 * @returns {number} opacity, 0 to 1
 */
export function glowStrength(pixels, isLight = false) {
  let brightest = 0;
  let darkest = 1;
  for (let index = 0; index < pixels.length; index += 4) {
    const luma = (0.2126 * pixels[index] + 0.7152 * pixels[index + 1] + 0.0722 * pixels[index + 2]) / 255;
    brightest = Math.max(brightest, luma);
    darkest = Math.min(darkest, luma);
  }
  if (!isLight) return Math.min(STRONGEST, BRIGHTEST / brightest);
  return Math.min(STRONGEST, (PAPER - DARKEST) / Math.max(PAPER - darkest, PAPER - DARKEST));
}

export class Ambience {
  #video;
  #still;
  #glow;
  #light = square(GLOW_PX);
  #seed = square(SEED_PX);
  #isLight;
  #strength = 0;

  /**
   * @param {HTMLVideoElement} video @param {HTMLCanvasElement} still @param {HTMLCanvasElement} glow
   * @param {() => boolean} isLight whether the page is, now
   */
  constructor(video, still, glow, isLight) {
    this.#isLight = isLight;
    this.#video = video;
    this.#still = still;
    this.#glow = glow;
    glow.width = glow.height = GLOW_PX;
  }

  /** Take the present picture. Called a few times a second while something plays. */
  update() {
    const { videoWidth, videoHeight } = this.#video;
    if (videoWidth === 0 || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    if (this.#still.width !== videoWidth || this.#still.height !== videoHeight) {
      this.#still.width = videoWidth;
      this.#still.height = videoHeight;
    }
    context(this.#still).drawImage(this.#video, 0, 0);
    context(this.#seed).drawImage(this.#still, 0, 0, SEED_PX, SEED_PX);
    this.#ease();
    this.#paint();
  }

  /** Move the light a part of the way towards the new colours, so that a cut does not flash the room. */
  #ease() {
    const { data } = context(this.#seed).getImageData(0, 0, SEED_PX, SEED_PX);
    this.#strength += EASE * (glowStrength(data, this.#isLight()) - this.#strength);
    const light = context(this.#light);
    light.globalAlpha = EASE;
    light.drawImage(this.#seed, 0, 0, GLOW_PX, GLOW_PX);
  }

  #paint() {
    const glow = context(this.#glow);
    const radius = GLOW_PX / 2;
    const fade = glow.createRadialGradient(radius, radius, 0, radius, radius, radius);
    for (let step = 0; step <= 8; step += 1) {
      const share = step / 8;
      fade.addColorStop(share, `rgb(0 0 0 / ${Math.cos((share * Math.PI) / 2) ** 2})`);
    }
    glow.globalCompositeOperation = "copy";
    glow.globalAlpha = this.#strength;
    glow.drawImage(this.#light, 0, 0);
    glow.globalAlpha = 1;
    glow.globalCompositeOperation = "destination-in";
    glow.fillStyle = fade;
    glow.fillRect(0, 0, GLOW_PX, GLOW_PX);
  }
}

/** @param {number} sizePx @returns {HTMLCanvasElement} */
function square(sizePx) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = sizePx;
  return canvas;
}

/** @param {HTMLCanvasElement} canvas @returns {CanvasRenderingContext2D} */
function context(canvas) {
  const drawing = canvas.getContext("2d", { willReadFrequently: canvas.width === SEED_PX });
  if (drawing === null) throw new Error("this browser gives no 2D canvas");
  drawing.imageSmoothingEnabled = true;
  drawing.imageSmoothingQuality = "high";
  return drawing;
}
