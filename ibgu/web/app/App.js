/** The user, then the view. */
import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { Live } from "./data/live.js";
import { ServicesContext } from "./data/services.js";
import { html } from "./html.js";
import { Cluster } from "./pages/cluster/Cluster.js";
import { Frame } from "./pages/Frame.js";
import { Policies } from "./pages/Policies.js";
import { Nowhere } from "./pages/Nowhere.js";
import { Rollout } from "./pages/rollout/Rollout.js";
import { Rollouts } from "./pages/Rollouts.js";
import { Seeds } from "./pages/Seeds.js";
import { SignIn } from "./pages/SignIn.js";
import { Rest, rolloutPath } from "./rest/client.js";
import { useRoute } from "./route.js";
import { session } from "./session.js";

const PROBE = "whoami";

export function App() {
  const [token, setToken] = useState(/** @type {string | null} */ (null));
  const [why, setWhy] = useState("");
  const [asked, setAsked] = useState(false);

  const enter = useCallback(async (/** @type {string} */ given) => {
    const problem = await refusal(given);
    if (problem) return problem;
    if (given) session.keep(given);
    setToken(given);
    return "";
  }, []);
  const leave = useCallback((words = "") => {
    session.forget();
    setWhy(words);
    setToken(null);
  }, []);
  useEffect(() => {
    // A proxy may sign everybody in, so that no token is needed here.
    const kept = session.token();
    const tried = async () => {
      const problem = await enter(kept);
      if (problem && kept) leave(problem);
      setAsked(true);
    };
    tried();
  }, [enter, leave]);

  if (!asked) return null;
  if (token === null) return html`<${SignIn} why=${why} enter=${enter} />`;
  return html`<${Inside} token=${token} leave=${leave} />`;
}

/** Why nothing can be shown to this token; empty: it can. What is not about the token passes. */
async function refusal(/** @type {string} */ token) {
  try {
    await new Rest(token).get(PROBE);
  } catch (problem) {
    if (problem.status === 401) return problem.message;
  }
  return "";
}

function Inside({ token, leave }) {
  const route = useRoute();
  const rest = useMemo(
    () => new Rest(token, () => leave("Your token has expired or was revoked: sign in again.")),
    [token, leave],
  );
  const path = streamOf(route);
  const live = useMemo(() => new Live(rest, path), [rest, path]);
  useEffect(() => live.start(), [live]);
  const services = useMemo(() => ({ rest, live }), [rest, live]);
  const Page = PAGES[route.page] ?? Nowhere;
  const key = [route.page, ...route.path, route.query.uid ?? ""].join("/");
  return html`<${ServicesContext.Provider} value=${services}>
    <${Frame} signOut=${token ? () => leave() : null}>
      <${Page} key=${key} route=${route} />
    <//>
  <//>`;
}

const PAGES = { "": Rollouts, r: Rollout, c: Cluster, p: Policies, s: Seeds };

function streamOf({ page, path: [namespace, name], query: { uid } }) {
  const rollout = { namespace, name, uid, exact: true };
  return page === "r" && name ? rolloutPath(rollout, "/stream") : "stream";
}
