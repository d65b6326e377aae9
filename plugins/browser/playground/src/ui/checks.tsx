/** The checks, one after the other. */

import type { Finding } from 'portcullis';

/** Each check in its order: what was seen, and where the rule stands. */
export function Checks({ findings, title = 'Checks' }: { readonly findings: readonly Finding[]; readonly title?: string }) {
  if (findings.length === 0) return null;
  const failed = findings.some((finding) => !finding.passed);
  return (
    <section class="card">
      <h2>{title}</h2>
      <ol class="checks">
        {findings.map((finding, index) => (
          <li key={index} class={finding.passed ? 'pass' : 'fail'} data-testid="check-row" data-passed={String(finding.passed)}>
            <span class="badge">{finding.passed ? '✓ pass' : '✕ fail'}</span>
            <div class="what">
              <span class="name">{finding.check}</span>
              {finding.detail ? <span class="seen">{finding.detail}</span> : null}
              <span class="rule">
                {finding.code ? <code>{finding.code}</code> : null}
                {finding.rule}
              </span>
            </div>
          </li>
        ))}
      </ol>
      {findings.some(({ detail }) => detail === 'remembered') ? (
        <p class="hint">“Remembered”: the gate had verified the token just before, and then asked for another document.</p>
      ) : null}
      {failed ? <p class="hint">Nothing is checked after the first check that fails.</p> : null}
    </section>
  );
}
