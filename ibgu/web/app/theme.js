/** Light, dark, or as the system has it; kept for this browser. */
import { useEffect, useState } from "preact/hooks";

const KEY = "ibgu.theme";
export const THEMES = ["auto", "light", "dark"];

export function applyTheme() {
  document.documentElement.dataset.theme = localStorage.getItem(KEY) ?? THEMES[0];
}

export function chooseTheme(/** @type {string} */ theme) {
  localStorage.setItem(KEY, theme);
  applyTheme();
  dispatchEvent(new Event("themechange"));
}

export const chosenTheme = () => document.documentElement.dataset.theme ?? THEMES[0];

/** A number that changes whenever the colours do: for what is drawn on a canvas. */
export function useColours() {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setTurn((number) => number + 1);
    system.addEventListener("change", changed);
    addEventListener("themechange", changed);
    return () => {
      system.removeEventListener("change", changed);
      removeEventListener("themechange", changed);
    };
  }, []);
  return turn;
}

/** What CSS variables are in the theme of now: a canvas understands neither them nor light-dark(). */
export function colours(/** @type {string[]} */ names) {
  const probe = document.body.appendChild(document.createElement("span"));
  const found = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found);
}
