/** Says when something has happened: by the stream of events, or, where that is not to be had, not at all. */
import { chunksOf, messages } from "../rest/stream.js";

const RETRY_MS = [1000, 2000, 5000, 15_000];
const SILENT_MS = 45_000; // three heartbeats

export class Live {
  #listeners = new Set();
  #ending = new AbortController();
  #last = "";
  connected = false;
  /** The number of the newest event that came. */
  heard = 0;

  /**
   * @param {import("../rest/client.js").Rest} rest
   * @param {string} path of the stream
   */
  constructor(rest, path) {
    this.rest = rest;
    this.path = path;
  }

  /** @param {(event: any | null) => void} listener gets null when only `connected` has changed */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start() {
    this.#run();
    return () => this.#ending.abort();
  }

  async #run() {
    for (let tries = 0; !this.#ending.signal.aborted; tries++) {
      const before = this.#last;
      try {
        await this.#follow();
      } catch {
        // Whatever it was: polling goes on meanwhile, and shows what is wrong.
      }
      this.#now(false);
      if (before !== this.#last) tries = 0;
      await this.#pause(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    }
  }

  async #follow() {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENT_MS);
    const signal = AbortSignal.any([silence.signal, this.#ending.signal]);
    const headers = {
      Accept: "text/event-stream",
      ...(this.#last && { "Last-Event-ID": this.#last }),
    };
    try {
      const answer = await this.rest.open(this.path, signal, headers);
      this.#now(true);
      for await (const { id, data } of messages(chunksOf(answer))) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENT_MS);
        if (id) this.#last = id;
        this.heard = Math.max(this.heard, Number(id));
        if (data) this.#tell(JSON.parse(data));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #now(/** @type {boolean} */ connected) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.#tell(null);
  }

  #tell(/** @type {any} */ event) {
    for (const listener of this.#listeners) listener(event);
  }

  #pause(/** @type {number} */ ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#ending.signal.addEventListener("abort", () => (clearTimeout(timer), resolve(null)));
    });
  }
}
