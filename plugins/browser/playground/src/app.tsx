/** The page: a header, the tabs, and what the tab that is open shows. */

import { signal } from '@preact/signals';
import { render, type ComponentType } from 'preact';
import { useRef } from 'preact/hooks';

import { networkAccess } from './network-access.js';
import { restore, tabOf } from './share.js';
import { current, TABS, type Tab } from './state.js';
import { PolicyTab } from './tabs/policy.js';
import { StatusTab } from './tabs/status.js';
import { SvidTab } from './tabs/svid.js';
import { TokenTab } from './tabs/token.js';
import { startClock } from './time.js';

const CONTENT: Readonly<Record<Tab, readonly [label: string, content: ComponentType]>> = {
  token: ['Token', TokenTab],
  status: ['Status list', StatusTab],
  svid: ['SVID', SvidTab],
  policy: ['Policy', PolicyTab],
};

/** Why a link could not be read. */
const linkProblem = signal<string | undefined>(undefined);

/** Tabs that were opened stay as they are while another is looked at. */
const opened = signal<ReadonlySet<Tab>>(new Set());

function show(tab: Tab): void {
  if (!opened.peek().has(tab)) opened.value = new Set([...opened.peek(), tab]);
  current.value = tab;
}

/** Follows the address. What it carried is taken off it: from then on the fields change, and the address would not. */
async function follow(): Promise<void> {
  const { hash } = location;
  const tab = tabOf(hash);
  if (!tab) return;
  linkProblem.value = await restore(hash);
  show(tab);
  if (hash !== `#${tab}`) history.replaceState(null, '', `#${tab}`);
}

function Tabs() {
  const buttons = useRef<Partial<Record<Tab, HTMLButtonElement>>>({});
  const select = (tab: Tab): void => {
    show(tab);
    history.replaceState(null, '', `#${tab}`);
  };
  const move = (event: KeyboardEvent): void => {
    const at = TABS.indexOf(current.value);
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: (at + 1) % TABS.length,
      ArrowLeft: (at + TABS.length - 1) % TABS.length,
      Home: 0,
      End: TABS.length - 1,
    };
    const next = TABS[steps[event.key] ?? -1];
    if (!next) return;
    event.preventDefault();
    select(next);
    buttons.current[next]?.focus();
  };
  return (
    <div role="tablist" aria-label="What to check" class="tabs" onKeyDown={move}>
      {TABS.map((tab) => (
        <button
          key={tab}
          ref={(element) => {
            if (element) buttons.current[tab] = element;
          }}
          type="button"
          role="tab"
          id={`tab-${tab}`}
          aria-selected={current.value === tab}
          aria-controls={`panel-${tab}`}
          tabIndex={current.value === tab ? 0 : -1}
          data-testid={`tab-${tab}`}
          onClick={() => select(tab)}
        >
          {CONTENT[tab][0]}
        </button>
      ))}
    </div>
  );
}

/** The other page, with what is in the address bar left behind: pasted text does not follow. */
function OtherPage() {
  return networkAccess() ? (
    <a href={`./index.html#${current.value}`} data-testid="offline-link">Page without network access</a>
  ) : (
    <a href={`./network.html#${current.value}`} data-testid="network-link">Page with network access</a>
  );
}

function App() {
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => {
        // The fragment belongs to the tabs.
        event.preventDefault();
        document.getElementById('main')?.focus();
      }}>Skip to the checks</a>
      <header class="top">
        <div class="title">
          <h1>Portcullis <span>playground</span></h1>
          <p>
            {networkAccess() ? 'Checks run in this page.' : 'Checks run in this page. Nothing that you paste leaves it, and nothing is fetched.'}{' '}
            <OtherPage />
          </p>
        </div>
        <nav aria-label="Checks"><Tabs /></nav>
      </header>
      {networkAccess() ? (
        <aside class="banner" data-testid="network-banner" aria-label="Network access">
          <strong>This page has network access.</strong> It fetches only when you press a button, and sends the address that you see and
          nothing else. The server that is asked learns that you asked.
        </aside>
      ) : null}
      <main id="main" tabIndex={-1}>
        {linkProblem.value ? <p class="problem" role="alert" data-testid="link-problem">{linkProblem.value}</p> : null}
        {TABS.map((tab) => {
          const Content = CONTENT[tab][1];
          return (
            <div key={tab} role="tabpanel" id={`panel-${tab}`} aria-labelledby={`tab-${tab}`} hidden={current.value !== tab}>
              {opened.value.has(tab) ? <Content /> : null}
            </div>
          );
        })}
      </main>
    </>
  );
}

/** Starts the page. */
export function start(): void {
  startClock();
  const root = document.getElementById('app');
  if (!root) return;
  addEventListener('hashchange', () => void follow());
  void follow().then(() => {
    if (opened.peek().size === 0) show('token');
    render(<App />, root);
  });
}
