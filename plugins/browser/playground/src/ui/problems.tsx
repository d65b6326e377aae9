/** What is wrong with a policy, or what its author should know. */

import type { PolicyProblem } from 'portcullis';

/** Problems, each with its member and its remedy. */
export function Problems({ problems, title, tone }: { readonly problems: readonly PolicyProblem[]; readonly title: string; readonly tone: 'bad' | 'unsure' }) {
  if (problems.length === 0) return null;
  return (
    <section class={`card problems ${tone}`}>
      <h2>{title}</h2>
      <ul>
        {problems.map((problem, index) => (
          <li key={index} data-testid="policy-problem">
            <p><code class="member">{problem.path || 'the policy'}</code> <span>{problem.detail}</span></p>
            <p class="remedy">{problem.remedy}</p>
            <p class="rule"><code>{problem.code}</code></p>
          </li>
        ))}
      </ul>
    </section>
  );
}
