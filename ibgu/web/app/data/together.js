/** Bodies about one cluster, drawn together once they are of one moment. */
import { useRef } from "preact/hooks";

/**
 * Until the other one is as new, both stay as they were: one screen never shows two moments.
 * @returns {[any, any]} null: nothing came yet, or nothing that fits to the first one
 */
export function useTogether(first, second) {
  const last = useRef(/** @type {[any, any]} */ ([null, null]));
  const [, drawn] = last.current;
  const alike = first?.newestEvent === second?.newestEvent;
  if (alike || !first || !drawn) last.current = [first, alike || !first ? second : null];
  return last.current;
}

/** The newest of a body's versions that is of the moment of what is drawn already; null: none yet. */
export function useAsOf(body, moment) {
  const last = useRef(null);
  if (body?.newestEvent === moment) last.current = body;
  return last.current;
}
