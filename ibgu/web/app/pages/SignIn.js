/** A token of the hub, where no proxy has brought one. */
import { useEffect, useState } from "preact/hooks";
import { html } from "../html.js";
import { Words } from "../parts/Words.js";

export function SignIn({ why, enter }) {
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState(why);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = "Sign in · ibgu";
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(await enter(token.trim()));
    setBusy(false);
  };
  return html`<main class="signin">
    <form class="card" onSubmit=${submit}>
      <h1>ibgu</h1>
      <p class="quiet">Image-based upgrades of this hub's clusters</p>
      <label for="token">Token for the hub</label>
      <input
        id="token"
        type="password"
        autocomplete="off"
        spellcheck="false"
        required
        autofocus
        value=${token}
        aria-invalid=${problem ? "true" : "false"}
        aria-describedby="token-help token-problem"
        onInput=${(event) => setToken(event.target.value)}
      />
      <p id="token-problem" class="problem" role="alert"><${Words} text=${problem} /></p>
      <button type="submit" class="primary" disabled=${busy}>Sign in</button>
      <p id="token-help" class="quiet">
        <code>oc whoami -t</code> prints your token, <code>kubectl create token NAME -n NAMESPACE</code>
        ${" "}creates one for a service account. The token stays in this tab and is deleted when you close it.
      </p>
    </form>
  </main>`;
}
