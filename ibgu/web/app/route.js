/**
 * Where one is: the address' hash, so that every view has a link.
 *
 *   #/                                  rollouts
 *   #/r/NAMESPACE/NAME?step=2&state=failed,stalled&cause=…&reason=…&find=site-04
 *       &label=ring%3D1&sort=-name&show=members&uid=…
 *   #/c/CLUSTER?rollout=NAMESPACE/NAME
 *   #/p                                 policies
 *   #/p/NAME
 *   #/s                                 seed images
 *   #/s/NAME
 *
 * @typedef {{ page: string, path: string[], query: Record<string, string> }} Route
 */
import { useEffect, useState } from "preact/hooks";
import { uidOf } from "./rest/client.js";

/** @returns {Route} */
export function parse(/** @type {string} */ hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page = "", ...rest] = path.split("/").map(decoded);
  return { page, path: rest, query: Object.fromEntries(new URLSearchParams(query)) };
}

function decoded(/** @type {string} */ part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function link(
  /** @type {string[]} */ path,
  /** @type {Record<string, string | number | null | undefined>} */ query = {},
) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value != null);
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text && `?${text}`}`;
}

/**
 * @param {import("./rest/client.js").RolloutRef} rollout
 * @param {Record<string, string | number | null | undefined>} query
 */
export const rolloutLink = (rollout, query = {}) =>
  link(["r", rollout.namespace, rollout.name], { ...query, uid: uidOf(rollout) });

/** Value of `show`: leads the eye to the table of members. */
export const MEMBERS = "members";

/** To the members in that state, of the newest step or of the one that is named, and with that label if one is asked for. */
export const membersLink = (
  /** @type {{ namespace: string, name: string }} */ rollout,
  /** @type {string} */ state,
  /** @type {string | undefined} */ label,
  /** @type {number | undefined} */ step = undefined,
) => rolloutLink(rollout, { step, state, label, show: MEMBERS });

export const clusterLink = (/** @type {string} */ name, query = {}) => link(["c", name], query);

/** To a RolloutPolicy, or to all of them. */
export const policyLink = (name = "") => link(name ? ["p", name] : ["p"]);

/** To an entry of the catalogue of seed images, or to all of them. */
export const seedLink = (name = "") => link(name ? ["s", name] : ["s"]);

/** What changes while one types is no step of its own for the Back button. */
export function go(/** @type {string} */ hash, { replace = false } = {}) {
  if (replace) {
    history.replaceState(null, "", hash);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = hash;
  }
}

/** @returns {Route} */
export function useRoute() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return parse(hash);
}
