/** The tab for policies. */

import { checkPolicy, explainPolicy, type GateRequest } from 'portcullis';

import { useChecked } from '../checked.js';
import { decide, type Decided } from '../decide.js';
import { InputProblem, readAt, readHeaders, readPem, readPolicy } from '../inputs.js';
import { policy as fields, readDocuments } from '../state.js';
import { now } from '../time.js';
import { Bar } from '../ui/bar.js';
import { Checks } from '../ui/checks.js';
import { DecisionCard, Demands, saidOfDecision } from '../ui/decision.js';
import { Documents } from '../ui/documents.js';
import { AreaField, TextField, TimeField } from '../ui/field.js';
import { Problems } from '../ui/problems.js';
import { saidOf, Verdict, type Said } from '../ui/verdict.js';

function requestOf(method: string, url: string, headers: string): GateRequest | undefined {
  return url === '' ? undefined : { method, url, headers: readHeaders(headers) };
}

function chainOf(certificate: string): Uint8Array[] | undefined {
  return certificate.trim() === '' ? undefined : readPem('Client certificate', certificate);
}

function judge(): (() => Promise<Decided>) | undefined {
  const text = fields.policy.value;
  const url = fields.url.value.trim();
  const method = fields.method.value.trim();
  const headers = fields.headers.value;
  const certificate = fields.certificate.value;
  const documents = readDocuments(fields.documents.value);
  const time = fields.time.value;
  if (time.trim() === '') void now.value;
  if (text.trim() === '') return undefined;
  return async () => {
    const at = readAt(time);
    const { policy } = readPolicy(text);
    return decide(policy, requestOf(method, url, headers), { documents, at, chain: chainOf(certificate) });
  };
}

/** Judges a request by a policy as one types. */
export function PolicyTab() {
  const read = useChecked(() => {
    const text = fields.policy.value;
    if (text.trim() === '') return undefined;
    return async () => {
      const { format, policy } = readPolicy(text);
      return { format, warnings: await checkPolicy(policy) };
    };
  });
  const demands = useChecked(() => {
    const text = fields.policy.value;
    const method = fields.method.value.trim();
    const url = fields.url.value.trim();
    return text.trim() === '' || url === '' ? undefined : async () => explainPolicy(readPolicy(text).policy, method, url);
  });
  const judged = useChecked(judge);
  const { value: good, error: bad } = read.value;
  const { value: decided, error } = judged.value;
  const refused = bad ?? error;
  const said = ((): Said => {
    if (fields.policy.value.trim() === '') return { tone: 'idle', word: 'NO POLICY', detail: 'paste one, or load an example' };
    const [first, ...more] = refused?.problems ?? [];
    if (first) {
      // The lines that errors speak of are those of the JSON that a policy in TOML becomes here, so they are not told.
      const detail = `${first.path}: ${first.detail}${more.length > 0 ? `, and ${more.length} more below` : ''}`;
      return { tone: 'bad', word: 'POLICY REFUSED', code: first.code, detail };
    }
    if (refused) return saidOf(refused, 'POLICY REFUSED');
    if (!decided) return { tone: 'idle', word: 'CHECKING' };
    if (!decided.decision) return { tone: 'good', word: 'POLICY ACCEPTED', detail: 'say the URL of a request to have it judged' };
    const there = readDocuments(fields.documents.value);
    return saidOfDecision(decided.decision, decided.asked.some(({ url }) => !Object.hasOwn(there, url)));
  })();
  const inputProblem = bad?.kind === 'input' ? bad.detail : undefined;
  const wrong = (field: string): string | undefined => (error?.kind === 'input' && error.code === field ? error.detail : undefined);
  return (
    <>
      <Bar
        tab="policy"
        examples={() => import('../../examples/policy.json')}
        names={[['allowed', 'Allowed'], ['scope', 'Denied: scope'], ['revoked', 'Denied: revoked']]}
      />
      <Verdict said={said} />
      <p class="note">A decision made in a page is advice. The server decides for itself.</p>
      <div class="columns">
        <section class="inputs" aria-label="Policy and request">
          <AreaField
            label="Policy"
            value={fields.policy}
            testid="policy-input"
            rows={16}
            placeholder={'origins = ["https://api.example"]'}
            hint={good ? `Read as ${good.format}.` : 'TOML or JSON, without symmetric keys, files and listeners.'}
            problem={inputProblem}
            accept=".toml,.json,.txt"
          />
          <div class="pair">
            <TextField label="Method" value={fields.method} testid="request-method" />
            <TextField label="URL" value={fields.url} testid="request-url" kind="url" placeholder="https://api.example/reports/7" />
          </div>
          <AreaField
            label="Headers"
            value={fields.headers}
            testid="request-headers"
            rows={4}
            placeholder="Authorization: Bearer eyJ…"
            hint="One a line: Authorization, DPoP and what else the request has."
            problem={wrong('Headers')}
          />
          <TimeField value={fields.time} testid="policy-time" />
          <details open={fields.certificate.value !== ''}>
            <summary>Client certificate</summary>
            <AreaField
              label="Client certificate (PEM)"
              value={fields.certificate}
              testid="client-certificate"
              rows={4}
              hint="What the client presented in TLS, the leaf first."
              problem={wrong('Client certificate')}
            />
          </details>
          <Documents decided={decided} judge={judgeNow} />
        </section>
        <div class="results">
          {refused?.problems ? <Problems problems={refused.problems} title="What is wrong with the policy" tone="bad" /> : null}
          {decided?.decision ? <DecisionCard decision={decided.decision} /> : null}
          {decided ? <Checks findings={decided.findings} /> : null}
          {demands.value.value ? <Demands demands={demands.value.value} /> : null}
          {good ? <Problems problems={good.warnings} title="What its author should know" tone="unsure" /> : null}
          {!refused && !decided ? <p class="empty">The decision, and what the policy asks of the request, appear here.</p> : null}
        </div>
      </div>
    </>
  );
}

/** Lets the gate fetch what it needs for the request as it is now; what came is put among the documents. */
async function judgeNow(fetching: NonNullable<Parameters<typeof decide>[2]['fetching']>): Promise<void> {
  const text = fields.policy.peek();
  if (text.trim() === '') throw new InputProblem('Policy', 'There is no policy yet.');
  const request = requestOf(fields.method.peek().trim(), fields.url.peek().trim(), fields.headers.peek());
  const chain = chainOf(fields.certificate.peek());
  await decide(readPolicy(text).policy, request, { documents: {}, at: readAt(fields.time.peek()), chain, fetching });
}
