/** Numbers, times and spans, as a person reads them. Times are local; titles have them in UTC. */

const COUNT = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const SECOND = new Intl.DateTimeFormat([], {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });
const DAY_MS = 86_400_000;

export const count = (/** @type {number} */ number) => COUNT.format(number);

export function plural(/** @type {number} */ number, /** @type {string} */ word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

/** "02:14", or "Nov 19, 02:14" where that was not within the last half day. */
export function clock(/** @type {string} */ stamp, now = Date.now(), time = CLOCK) {
  const at = new Date(stamp);
  const near = Math.abs(now - at.getTime()) < DAY_MS / 2;
  return near ? time.format(at) : `${DAY.format(at)}, ${time.format(at)}`;
}

/** The same with seconds. */
export const moment = (/** @type {string} */ stamp, now = Date.now()) => clock(stamp, now, SECOND);

export const clockWithSeconds = (/** @type {string | number} */ stamp) =>
  SECOND.format(new Date(stamp));

export const utc = (/** @type {string} */ stamp) =>
  `${new Date(stamp).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** What marks of an axis are made of. */
export const hour = (/** @type {number} */ ms) => CLOCK.format(ms);
export const day = (/** @type {number} */ ms) => DAY.format(ms);

/** Of seconds: "8 s", "41 min", "3 h 20 min", "2 d 4 h"; what is left over is cut, as in the CLI. */
export function span(/** @type {number} */ seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 600) return parts(whole, 60, "min", 1, "s");
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) return parts(whole, 3600, "h", 60, "min");
  return parts(whole, 86_400, "d", 3600, "h");
}

function parts(
  /** @type {number} */ whole,
  /** @type {number} */ big,
  /** @type {string} */ bigName,
  /** @type {number} */ small,
  /** @type {string} */ smallName,
) {
  const rest = Math.floor((whole % big) / small);
  const first = `${Math.floor(whole / big)} ${bigName}`;
  return rest ? `${first} ${rest} ${smallName}` : first;
}

/** Seconds from one time to another, or to now. */
export function between(
  /** @type {string} */ from,
  /** @type {string | null} */ to,
  now = Date.now(),
) {
  return ((to ? Date.parse(to) : now) - Date.parse(from)) / 1000;
}

export function percent(/** @type {number} */ part, /** @type {number} */ whole) {
  if (!whole) return "0%";
  const share = (100 * part) / whole;
  return `${part < whole ? Math.min(99, Math.floor(share)) : 100}%`;
}

/** With a capital letter. */
export const capitalized = (/** @type {string} */ text) => `${text[0].toUpperCase()}${text.slice(1)}`;

/** With its full stop. */
export const sentence = (/** @type {string} */ text) => (/[.!?]$/.test(text) ? text : `${text}.`);

/** "via the hub (kubectl-create)" as it is; a name with "by". */
export const creator = (/** @type {string} */ who) => (who.startsWith("via ") ? who : `by ${who}`);
