// @ts-check
/**
 * Click-to-photon, step by step: a control is sent, received, applied, and its first frame is on the screen.
 *
 * Pure; all times are milliseconds of one monotonic clock. Bounded: the last 128 controls that were really seen.
 */

const MAX_SEEN = 128;
const MAX_PENDING = 64;

/** @typedef {{sentMs: number, receivedMs: number | null, appliedMs: number | null}} Pending */
/** @typedef {{totalMs: number, toServerMs: number, makingMs: number, toScreenMs: number}} Seen */
/** @typedef {{p50: number, p95: number}} Spread */
/** @typedef {{n: number, total: Spread, toServer: Spread, making: Spread, toScreen: Spread}} LatencySummary */

export class LatencyLog {
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  /** @type {Seen[]} */
  #seen = [];

  /** @param {number} id @param {number} nowMs */
  sent(id, nowMs) {
    this.#pending.set(id, { sentMs: nowMs, receivedMs: null, appliedMs: null });
    for (const oldest of this.#pending.keys()) {
      if (this.#pending.size <= MAX_PENDING) break;
      this.#pending.delete(oldest);
    }
  }

  /** The server has it. @param {number} id @param {number} nowMs */
  received(id, nowMs) {
    const pending = this.#pending.get(id);
    if (pending) pending.receivedMs = nowMs;
  }

  /** The server sends its first frame. @param {number} id @param {number} nowMs */
  applied(id, nowMs) {
    const pending = this.#pending.get(id);
    if (pending) pending.appliedMs = nowMs;
  }

  /**
   * Its first frame was presented.
   * @param {number} id
   * @param {number} shownMs
   * @returns {number | null} milliseconds since it was sent; null if that is not known
   */
  shown(id, shownMs) {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (!pending || pending.receivedMs === null || pending.appliedMs === null) return null;
    // The message and the frame leave in the same moment; on a busy page, the frame may win.
    const appliedMs = Math.min(pending.appliedMs, shownMs);
    this.#seen.push({
      totalMs: shownMs - pending.sentMs,
      toServerMs: pending.receivedMs - pending.sentMs,
      makingMs: appliedMs - pending.receivedMs,
      toScreenMs: shownMs - appliedMs,
    });
    if (this.#seen.length > MAX_SEEN) this.#seen.shift();
    return shownMs - pending.sentMs;
  }

  /** Nobody saw it, or it was refused: it must not count. @param {number} id */
  forget(id) {
    this.#pending.delete(id);
  }

  /** @returns {LatencySummary | null} null before the first was seen */
  summary() {
    if (this.#seen.length === 0) return null;
    /** @param {(seen: Seen) => number} pick @returns {Spread} */
    const spread = (pick) => {
      const values = this.#seen.map(pick);
      return { p50: percentile(values, 0.5), p95: percentile(values, 0.95) };
    };
    return {
      n: this.#seen.length,
      total: spread(({ totalMs }) => totalMs),
      toServer: spread(({ toServerMs }) => toServerMs),
      making: spread(({ makingMs }) => makingMs),
      toScreen: spread(({ toScreenMs }) => toScreenMs),
    };
  }
}

/**
 * @param {readonly number[]} values not empty
 * @param {number} share 0 to 1
 * @returns {number} the smallest value that at least `share` of all do not exceed
 */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}
