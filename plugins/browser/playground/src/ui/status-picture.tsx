/** A status list drawn, with its legend. */

import type { Status, StatusList } from 'portcullis';
import { useEffect, useRef, useState } from 'preact/hooks';

import { Cells, entryAt, layOut, paint, placeOf, WORST_FIRST, type Layout } from '../picture.js';

/** How many values are asked for at once. */
const AT_ONCE = 1_000_000;

const MEANINGS: Readonly<Record<Status, string>> = {
  valid: 'valid',
  invalid: 'invalid (revoked)',
  suspended: 'suspended',
  'application-specific': 'application-specific',
  reserved: 'reserved (no meaning yet)',
};

/** Numbers as people read them. */
export const count = (value: number): string => value.toLocaleString('en');

interface Props {
  readonly list: StatusList;
  readonly marked: number | undefined;
  readonly onPick: (index: number) => void;
}

function colours(element: Element): [number, number, number][] {
  const style = getComputedStyle(element);
  return WORST_FIRST.map((status) => {
    const hex = style.getPropertyValue(`--status-${status}`).trim();
    return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
  });
}

/** The size that pictures are drawn for, and whether the scheme is dark: either changes what is drawn. */
function useSurroundings(box: { readonly current: HTMLElement | null }): { width: number; dark: boolean } {
  const [width, setWidth] = useState(0);
  const [dark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const changed = (): void => setDark(scheme.matches);
    scheme.addEventListener('change', changed);
    const observer = new ResizeObserver(([entry]) => {
      const now = Math.floor(entry?.contentRect.width ?? 0);
      // A tab that is not shown has no width, and keeps its picture.
      if (now > 0) setWidth(now);
    });
    if (box.current) observer.observe(box.current);
    return () => {
      scheme.removeEventListener('change', changed);
      observer.disconnect();
    };
  }, [box]);
  return { width, dark };
}

function mark(context: CanvasRenderingContext2D, layout: Layout, index: number, colour: string, back: string): void {
  const { x, y } = placeOf(layout, index);
  const centre = layout.cell / 2;
  const radius = Math.max(layout.cell * 0.9, layout.width / 90);
  for (const [width, style] of [[Math.max(5, layout.width / 160), back], [Math.max(2, layout.width / 400), colour]] as const) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.beginPath();
    context.arc(x + centre, y + centre, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

/** The picture. */
export function StatusPicture({ list, marked, onPick }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, dark } = useSurroundings(box);
  const [cells, setCells] = useState<{ readonly layout: Layout; readonly ranks: Uint8Array; readonly known: number }>();
  const layout = width > 0 ? layOut(list.length, width) : undefined;
  const shape = layout ? `${layout.width} ${layout.height} ${layout.entries}` : '';

  useEffect(() => {
    if (!layout) return undefined;
    let stale = false;
    const gather = async (): Promise<void> => {
      const gathered = new Cells(list.length, layout, list.counts);
      for (let first = 0; first < list.length && !stale; first += AT_ONCE) {
        const values = await list.values(first, Math.min(AT_ONCE, list.length - first));
        if (stale) return;
        gathered.take(first, values);
        setCells({ layout, ranks: gathered.ranks, known: first + values.length });
      }
    };
    // A list that was closed meanwhile is replaced by another, which draws itself.
    gather().catch(() => {});
    return () => {
      stale = true;
    };
  }, [list, shape]);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!canvas.current || !context || !cells) return;
    canvas.current.width = cells.layout.width;
    canvas.current.height = cells.layout.height;
    context.putImageData(paint(cells.layout, cells.ranks, colours(canvas.current)), 0, 0);
    if (marked === undefined || marked >= list.length) return;
    const style = getComputedStyle(canvas.current);
    mark(context, cells.layout, marked, style.getPropertyValue('--text'), style.getPropertyValue('--surface'));
  }, [cells, marked, dark]);

  const pick = (event: MouseEvent): void => {
    if (!cells || !canvas.current) return;
    const { layout: drawn } = cells;
    const shown = canvas.current.getBoundingClientRect();
    const x = ((event.clientX - shown.left) / shown.width) * drawn.width;
    const y = ((event.clientY - shown.top) / shown.height) * drawn.height;
    const index = entryAt(drawn, list.length, x, y);
    if (index !== undefined) onPick(index);
  };

  const sums = WORST_FIRST.map((status) => {
    const entries = list.counts.filter((one) => one.status === status).reduce((sum, one) => sum + one.entries, 0);
    return { status, entries };
  }).filter(({ entries }) => entries > 0);
  const told = `${count(list.length)} entries: ${sums.map(({ status, entries }) => `${count(entries)} ${status}`).join(', ')}`;
  return (
    <figure class="picture">
      <div ref={box}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Picture of the status list. ${told}.${marked === undefined ? '' : ` Entry ${marked} is marked.`}`}
          data-testid="status-canvas"
          onClick={pick}
        >
          {told}
        </canvas>
      </div>
      <figcaption>
        <ul class="legend" aria-label="Entries by status">
          {sums.map(({ status, entries }) => (
            <li key={status} data-testid="status-count">
              <span class={`swatch ${status}`} aria-hidden="true" />
              {MEANINGS[status]} <strong>{count(entries)}</strong>
            </li>
          ))}
        </ul>
        <p class="hint">
          Entry 0 is at the upper left. Select a place in the picture, or type an index, to look an entry up.
          {layout && layout.entries > 1 ? ` Each pixel stands for ${count(layout.entries)} entries and shows the worst of them.` : ''}
          {cells && cells.known < list.length ? ` Reading: ${count(cells.known)} of ${count(list.length)}.` : ''}
        </p>
      </figcaption>
    </figure>
  );
}
