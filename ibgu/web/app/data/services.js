/** What every component may use. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";

/**
 * @typedef {object} Services
 * @property {import("../rest/client.js").Rest} rest
 * @property {import("./live.js").Live} live
 * @type {import("preact").Context<Services>}
 */
export const ServicesContext = createContext(/** @type {any} */ (null));

export const useServices = () => useContext(ServicesContext);
