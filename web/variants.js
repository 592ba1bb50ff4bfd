// @ts-check
/**
 * The element `ll-variants` of the studio: variants that lie side by side in one film, each drawn on a canvas of its own,
 * so that they are in step to the frame wherever they stand on the page. One button and one bar move all of them.
 *
 * Inside: a video, a canvas for each variant, a button, a range and an output. Knows those; nothing of the studio.
 */

import { find } from "./elements.js";
import { cell, progress } from "./strip.js";

class Variants extends HTMLElement {
  connectedCallback() {
    const video = find(this, "video", HTMLVideoElement);
    const button = find(this, "button", HTMLButtonElement);
    const range = find(this, "input", HTMLInputElement);
    const output = find(this, "output", HTMLOutputElement);
    const canvases = [...this.querySelectorAll("canvas")];
    const show = () => {
      draw(video, canvases);
      range.value = String(video.currentTime);
      output.value = progress(video.currentTime, video.duration);
    };
    const follow = () => {
      show();
      if (this.isConnected) video.requestVideoFrameCallback(follow);
    };
    video.addEventListener("loadedmetadata", () => {
      range.max = String(video.duration);
      for (const canvas of canvases) {
        canvas.width = cell(video.videoWidth, canvases.length, 0).width;
        canvas.height = video.videoHeight;
      }
    });
    for (const name of ["loadeddata", "seeked"]) video.addEventListener(name, show);
    for (const name of ["play", "pause"]) {
      video.addEventListener(name, () => (button.textContent = video.paused ? "Play" : "Pause"));
    }
    button.addEventListener("click", () => (video.paused ? void video.play() : video.pause()));
    range.addEventListener("input", () => (video.currentTime = Number(range.value)));
    video.requestVideoFrameCallback(follow);
    video.load(); // what came before there were listeners, comes again
  }

  disconnectedCallback() {
    this.querySelector("video")?.pause();
  }
}

/** @param {HTMLVideoElement} video @param {HTMLCanvasElement[]} canvases one for each part of its picture */
function draw(video, canvases) {
  if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
  canvases.forEach((canvas, k) => {
    const { left, width } = cell(video.videoWidth, canvases.length, k);
    canvas.getContext("2d")?.drawImage(video, left, 0, width, video.videoHeight, 0, 0, canvas.width, canvas.height);
  });
}

customElements.define("ll-variants", Variants);
