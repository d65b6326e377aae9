/** A decision, told to people. */

import type { Decision, Demand } from 'portcullis';

import type { Said } from './verdict.js';

/** The verdict on a request; `missing` says that a document which the gate asked for is not there. */
export function saidOfDecision({ outcome, status, rule, reported, findings: [first] }: Decision, missing: boolean): Said {
  const by = rule === undefined ? '' : `by the rule "${rule}"`;
  if (outcome === 'allow' && reported) {
    return { tone: 'unsure', word: 'ALLOWED, REPORTED', code: first?.code, detail: `would be denied if the policy were enforced; ${first?.detail ?? ''}` };
  }
  if (outcome === 'allow') return { tone: 'good', word: 'ALLOWED', detail: by || 'no rule stands against it' };
  if (status === 503 && missing) {
    return { tone: 'unsure', word: 'DENIED 503', code: first?.code, detail: 'a document is not here yet: see under Documents what the gate asks for' };
  }
  return { tone: 'bad', word: `DENIED ${status}`, code: first?.code, detail: first?.detail };
}

function Headers({ headers }: { readonly headers: readonly (readonly [string, string])[] }) {
  return (
    <>
      {headers.map(([name, value], index) => (
        <code key={index} class="header">{name}: {value}</code>
      ))}
    </>
  );
}

/** Everything that a decision says. */
export function DecisionCard({ decision }: { readonly decision: Decision }) {
  const { outcome, status, rule, headers, strip, responseHeaders, body, principal, findings, needs } = decision;
  return (
    <section class="card" data-testid="decision" data-outcome={outcome}>
      <h2>Decision</h2>
      <dl class="facts">
        <div><dt>Outcome</dt><dd><strong>{outcome}</strong>, status {status}</dd></div>
        <div><dt>Rule</dt><dd data-testid="decision-rule">{rule ?? 'none matched'}</dd></div>
        {findings.length > 0 ? (
          <div>
            <dt>Found</dt>
            <dd>
              {findings.map((finding, index) => (
                <p key={index}><code>{finding.code}</code> {finding.detail} <span class="rule">{finding.rule}</span></p>
              ))}
            </dd>
          </div>
        ) : null}
        {principal ? (
          <>
            <div><dt>From</dt><dd data-testid="principal">{principal.spiffeId ?? principal.subject ?? 'nobody that is named'}</dd></div>
            {principal.client ? <div><dt>Client</dt><dd>{principal.client}</dd></div> : null}
            <div><dt>Vouched for by</dt><dd>{principal.issuer}</dd></div>
            <div><dt>Scopes</dt><dd>{principal.scopes.length > 0 ? principal.scopes.join(' ') : 'none'}</dd></div>
          </>
        ) : null}
        {headers.length > 0 ? (
          <div>
            <dt>{outcome === 'allow' ? 'Set for the upstream' : 'Headers of the answer'}</dt>
            <dd data-testid="decision-headers"><Headers headers={headers} /></dd>
          </div>
        ) : null}
        {strip && strip.length > 0 ? <div><dt>Stripped first</dt><dd>{strip.join(', ')}</dd></div> : null}
        {responseHeaders && responseHeaders.length > 0 ? (
          <div><dt>Added to the answer</dt><dd><Headers headers={responseHeaders} /></dd></div>
        ) : null}
        {body ? <div><dt>Body of the answer</dt><dd><code class="header">{body}</code></dd></div> : null}
        {needs && needs.length > 0 ? (
          <div><dt>Could not be had</dt><dd>{needs.map((url) => <code key={url} class="header">{url}</code>)}</dd></div>
        ) : null}
      </dl>
    </section>
  );
}

/** What a policy asks of a request, whoever sends it. Items under another are indented by spaces in what the gate tells. */
export function Demands({ demands }: { readonly demands: readonly Demand[] }) {
  return (
    <section class="card" data-testid="demands">
      <h2>What the policy asks of this request</h2>
      <dl class="facts">
        {demands.map(({ what, told }, index) => (
          <div key={index} class={what.startsWith(' ') ? 'under' : ''}>
            <dt>{what.trim()}</dt>
            <dd>{told}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
