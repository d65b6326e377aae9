/** What each tab has at its top: examples, and the link. */

import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';

import { share } from '../share.js';
import { fill, type Tab } from '../state.js';

/** Links longer than this are cut off by some programs. */
const LONG = 32_000;

/** Reads the examples of a tab; each tab's are loaded when they are asked for. */
export type Examples = () => Promise<{ readonly default: Readonly<Record<string, Readonly<Record<string, unknown>>>> }>;

interface Props {
  readonly tab: Tab;
  readonly examples: Examples;
  /** The names of the examples, and what the buttons say. */
  readonly names: readonly (readonly [string, string])[];
}

/** Examples on the one side, the link on the other. */
export function Bar({ tab, examples, names }: Props) {
  const load = async (name: string): Promise<void> => {
    const example = (await examples()).default[name] ?? {};
    const texts = Object.entries(example).map(([field, value]) => [field, typeof value === 'string' ? value : JSON.stringify(value)]);
    fill(tab, Object.fromEntries(texts) as Record<string, string>);
  };
  return (
    <div class="bar">
      <div class="examples" role="group" aria-label="Load an example">
        <span>Load an example:</span>
        {names.map(([name, told], index) => (
          <button key={name} type="button" data-testid={index === 0 ? 'load-example' : `load-example-${name}`} onClick={() => void load(name)}>
            {told}
          </button>
        ))}
        <button type="button" class="quiet" data-testid="clear" onClick={() => fill(tab, {})}>Clear all</button>
      </div>
      <Share tab={tab} />
    </div>
  );
}

function Share({ tab }: { readonly tab: Tab }) {
  const id = useId();
  const withTokens = useSignal(false);
  const told = useSignal('');
  const link = useSignal('');
  const copy = async (): Promise<void> => {
    const { fragment, left } = await share(tab, withTokens.value);
    const made = location.href.replace(/#.*$/s, '') + fragment;
    const without = left.length > 0 ? ` Left out: ${[...new Set(left)].join(', ')}.` : '';
    const long = made.length > LONG ? ' It is long: some programs cut links of this length off.' : '';
    try {
      await navigator.clipboard.writeText(made);
      link.value = '';
      told.value = `Link copied.${without}${long}`;
    } catch {
      // Browsers keep pages that are not served over TLS, or not looked at, from the clipboard.
      link.value = made;
      told.value = `Copy the link from the field.${without}${long}`;
    }
  };
  return (
    <div class="share">
      <div class="row">
        <label class="check" for={id}>
          <input
            id={id}
            type="checkbox"
            data-testid="include-token"
            checked={withTokens.value}
            onChange={(event) => {
              withTokens.value = event.currentTarget.checked;
            }}
          />
          include the token
        </label>
        <button type="button" data-testid="copy-link" onClick={() => void copy()}>Copy link</button>
      </div>
      {withTokens.value ? (
        <p class="warning" data-testid="include-warning">
          Whoever has the link has the token, and can use it for as long as it is valid. Private keys are left out all the same.
        </p>
      ) : null}
      <p class="hint" role="status" data-testid="copy-status">{told.value}</p>
      {link.value ? (
        <input class="link" type="text" readOnly aria-label="Link" data-testid="link" value={link.value} onFocus={(event) => event.currentTarget.select()} />
      ) : null}
    </div>
  );
}
