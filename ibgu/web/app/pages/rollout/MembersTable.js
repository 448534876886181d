/** One row a member; a press on a column's name orders by it, another one the other way round. */
import { pressed, WORST } from "../../data/order.js";
import { html } from "../../html.js";
import { State } from "../../parts/State.js";
import { Ago, WayBack } from "../../parts/Time.js";
import { Words } from "../../parts/Words.js";
import { clusterLink, policyLink } from "../../route.js";
import { count, span } from "../../words/format.js";
import { marksOf } from "../../words/states.js";
import { keeperOf, nameOf } from "../../words/why.js";

const COLUMNS = [
  ["start", "No.", "Position in the order of starts"],
  ["name", "Cluster", "By name"],
  [WORST, "State", "What needs action first"],
  ["since", "For", "Longest in this state first"],
];

/** `until`: whether to show until when clusters can be rolled back. */
export function MembersTable({ rollout, said, columns, rows, details, order, reorder, until, now }) {
  const query = { rollout: `${rollout.namespace}/${rollout.name}` };
  return html`<div class="scroll" tabindex="0" role="group" aria-labelledby="members">
    <table>
      <thead>
        <tr>
          ${COLUMNS.map(
            ([by, name, title]) =>
              html`<${Head} key=${by} ...${{ by, name, title, order, reorder }} />`,
          )}
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((index) => {
          const cluster = columns.clusters[index];
          return html`<tr key=${cluster}>
            <td class="quiet">${count(index + 1)}</td>
            <td class="name"><a href=${clusterLink(cluster, query)}>${cluster}</a></td>
            <td>
              <${State} name=${columns.states[index]} />
              ${marksOf(columns, index).map((mark) => html` <${State} key=${mark} name=${mark} />`)}
            </td>
            <td class="span"><${Ago} stamp=${columns.since[index]} now=${now} /></td>
            <td><${Reason} said=${said} columns=${columns} index=${index} member=${details.get(cluster)} /> ${until && html`<${Deadline} member=${details.get(cluster)} now=${now} />`}</td>
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

function Head({ by, name, title, order, reorder }) {
  const is = order.by === by;
  const sort = is ? (order.down ? "descending" : "ascending") : null;
  return html`<th scope="col" aria-sort=${sort}>
    <button type="button" class="order" title=${title} onClick=${() => reorder(pressed(by, order))}>
      ${name}<span aria-hidden="true">${is ? (order.down ? " ▾" : " ▴") : ""}</span>
    </button>
  </th>`;
}

function Reason({ said, columns, index, member }) {
  const known = sameMoment(columns, index, member) ? member : null;
  const policy = known?.reason?.policy;
  const words = known?.reason && !isSaid(known.reason, said) ? known.reason.message : known?.message;
  const failed = columns.failures[index] ?? columns.causes[index];
  const name = nameOf(columns.states[index], failed, columns.reasons[index], Boolean(policy || words));
  return html`${name && html`<strong>${name}</strong> `}
    ${policy && html`<a href=${policyLink(policy)}>${keeperOf(known.reason)}</a>${words && ": "}`}
    ${words && html`<span><${Words} text=${words} /></span>`}
    ${member?.warning && html`<span class="worry"> warned: <${Words} text=${member.warning} /></span>`}
    <${Late} stalled=${columns.stalled[index]} overdue=${columns.overdue[index]} member=${member} />`;
}

/** Whether the words stand above all rows: as the hold of the rollout, or as those of all that a policy holds. */
const isSaid = ({ kind, policy }, said) =>
  said.some((each) => each?.message && each.kind === kind && (each.alike === undefined || (each.alike && policy && each.policy === policy)));

const Deadline = ({ member, now }) =>
  html`<${WayBack} until=${member?.rollbackUntil ?? null} now=${now} />`;

/** Whether the member's words, from an answer of their own, are of the state that stands beside. */
function sameMoment(columns, index, member) {
  return Boolean(member) && (columns.reasons[index] ?? null) === (member.reason?.kind ?? null);
}

/** The action's time says more than the reason's, which it explains. */
function Late({ stalled, overdue, member }) {
  if (!stalled && !overdue) return null;
  const known = stalled ? member?.stalled : member?.reason?.overdue;
  const usual = known && ` (at most ${span(known.usual)})`;
  return html`<span class="worry"> ${stalled ? "takes" : "waits"} longer than usual${usual}</span>`;
}
