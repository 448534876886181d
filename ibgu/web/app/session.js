/** The token: in this tab only, gone with it. */
const KEY = "ibgu.token";

export const session = {
  token: () => sessionStorage.getItem(KEY) ?? "",
  keep: (/** @type {string} */ token) => sessionStorage.setItem(KEY, token),
  forget: () => sessionStorage.removeItem(KEY),
};
