/** The REST API, asked with the caller's token; a body that has not changed stays the same object. */

const BASE = new URL("api/v1/", document.baseURI);
const KEPT = 64;
/** Milliseconds after which a question counts as unanswered; it is asked again then. */
const ANSWER_MS = 30_000;
const SIGNED_OUT = "You are signed out. Reload the page to sign in again.";

export class Problem extends Error {
  /**
   * @param {number} status 0: nothing answered
   * @param {Record<string, any>} body as in RFC 9457
   */
  constructor(status, body) {
    super(body.detail || body.title || `ibgu answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

export class Rest {
  /** @type {Map<string, { tag: string, body: any }>} */
  #kept = new Map();

  /**
   * @param {string} token empty: a proxy adds it, or there is none
   * @param {() => void} refused called when the token is not accepted (any more)
   */
  constructor(token, refused = () => {}) {
    this.token = token;
    this.refused = refused;
    /** Milliseconds that the server's clock is ahead of this machine's. */
    this.ahead = 0;
  }

  now() {
    return Date.now() + this.ahead;
  }

  /** @returns {Promise<any>} @throws {Problem} */
  async get(/** @type {string} */ path, /** @type {AbortSignal} */ signal = undefined) {
    const kept = this.#kept.get(path);
    const limit = AbortSignal.timeout(ANSWER_MS);
    const answer = await this.#ask(path, {
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      headers: kept ? { "If-None-Match": kept.tag } : {},
    });
    if (answer.status === 304 && kept) return kept.body;
    const body = await this.#body(answer);
    this.#keep(path, answer.headers.get("ETag"), body);
    return body;
  }

  /** @returns {Promise<any>} @throws {Problem} */
  async post(
    /** @type {string} */ path,
    /** @type {object} */ content = {},
    /** @type {AbortSignal} */ signal = undefined,
  ) {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify(content);
    return this.#body(await this.#ask(path, { method: "POST", headers, body, signal }));
  }

  /** @returns {Promise<Response>} whose body goes on until the signal ends it */
  async open(
    /** @type {string} */ path,
    /** @type {AbortSignal} */ signal,
    /** @type {Record<string, string>} */ headers,
  ) {
    const answer = await this.#ask(path, { signal, headers });
    if (!answer.ok) await this.#body(answer);
    return answer;
  }

  async #ask(/** @type {string} */ path, /** @type {RequestInit} */ init) {
    const headers = new Headers(init.headers);
    if (this.token) headers.set("Authorization", `Bearer ${this.token}`);
    try {
      // The API never redirects: a proxy does, to its sign-in page.
      const strict = /** @type {const} */ ({ cache: "no-store", redirect: "manual" });
      const answer = await fetch(new URL(path, BASE), { ...init, headers, ...strict });
      if (answer.type === "opaqueredirect") throw new Problem(0, { detail: SIGNED_OUT });
      this.#clock(answer.headers.get("Date"));
      return answer;
    } catch (error) {
      throw unanswered(error);
    }
  }

  async #body(/** @type {Response} */ answer) {
    const text = await answer.text().catch((error) => {
      throw unanswered(error);
    });
    const body = parsed(text);
    if (answer.status === 401) this.refused();
    if (!answer.ok) throw new Problem(answer.status, body ?? { detail: text.slice(0, 300) });
    return body;
  }

  #keep(/** @type {string} */ path, /** @type {string | null} */ tag, /** @type {any} */ body) {
    this.#kept.delete(path);
    if (tag) this.#kept.set(path, { tag, body });
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value);
  }

  /** The header has whole seconds: half of one is no difference. */
  #clock(/** @type {string | null} */ date) {
    const ahead = date ? Date.parse(date) + 500 - Date.now() : NaN;
    if (Math.abs(ahead - this.ahead) > 1500) this.ahead = ahead;
  }
}

/** What is thrown for a question without an answer. */
function unanswered(/** @type {unknown} */ error) {
  if (error instanceof Problem) return error;
  if (error instanceof DOMException && error.name === "AbortError") return error;
  return new Problem(0, { detail: "ibgu's API does not respond" });
}

function parsed(/** @type {string} */ text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `query({ step: 2, state: "" })` is "?step=2"; lists are given several times. */
export function query(/** @type {Record<string, any>} */ values) {
  const pairs = Object.entries(values)
    .flatMap(([key, value]) => (Array.isArray(value) ? value.map((v) => [key, v]) : [[key, value]]))
    .filter(([, value]) => value !== "" && value != null);
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}

/**
 * @typedef {{ namespace: string, name: string, uid?: string, phase?: string, exact?: boolean }}
 *   RolloutRef `exact`: the one with this uid is meant, also when another has the name now
 */

/** The uid by which a rollout is asked for; undefined: its name is enough. */
export const uidOf = (/** @type {RolloutRef} */ { uid, phase, exact }) =>
  exact || phase === "Deleted" ? uid : undefined;

/** `rolloutPath(rollout, "/view", { step: 2 })`: a path below that of the rollout. */
export function rolloutPath(/** @type {RolloutRef} */ rollout, rest = "", values = {}) {
  const [namespace, name] = [rollout.namespace, rollout.name].map(encodeURIComponent);
  return `rollouts/${namespace}/${name}${rest}${query({ ...values, uid: uidOf(rollout) })}`;
}

export const clusterPath = (/** @type {string} */ name, rest = "") =>
  `clusters/${encodeURIComponent(name)}${rest}`;
