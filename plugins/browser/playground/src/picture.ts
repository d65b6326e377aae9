/** A status list as a picture: which pixel is which entry, and what is drawn. No part of it knows of the page. */

import type { Status } from 'portcullis';

/** The statuses, the worst first: in a pixel of many entries the worst is seen. */
export const WORST_FIRST: readonly Status[] = ['invalid', 'reserved', 'suspended', 'application-specific', 'valid'];

/** Beyond this, entries share pixels. */
const MOST_PIXELS = 1 << 20;

/** The width of a picture whose entries are too many for the width that it is shown in. */
const WIDE = 1024;

/** Where entries are. */
export interface Layout {
  /** The picture's size in pixels. */
  readonly width: number;
  readonly height: number;
  /** How many cells a line has. */
  readonly columns: number;
  /** How many pixels a cell is wide and high. */
  readonly cell: number;
  /** How many entries a cell stands for. */
  readonly entries: number;
}

/** Lays out a list of `length` entries for a width in pixels. */
export function layOut(length: number, width: number): Layout {
  const few = length <= width * 400;
  const side = few ? Math.max(1, Math.min(16, Math.floor(Math.sqrt((width * 320) / Math.max(1, length))))) : 1;
  const entries = few ? 1 : Math.ceil(length / MOST_PIXELS);
  const columns = few ? Math.max(1, Math.floor(width / side)) : WIDE;
  const rows = Math.max(1, Math.ceil(length / entries / columns));
  return { width: columns * side, height: rows * side, columns, cell: side, entries };
}

/** The first entry at a place in a picture; `undefined` where there is none. */
export function entryAt({ columns, cell, entries }: Layout, length: number, x: number, y: number): number | undefined {
  const column = Math.floor(x / cell);
  if (column < 0 || column >= columns) return undefined;
  const entry = (Math.floor(y / cell) * columns + column) * entries;
  return entry >= 0 && entry < length ? entry : undefined;
}

/** The cell of an entry, by the pixel at its upper left. */
export function placeOf({ columns, cell, entries }: Layout, entry: number): { readonly x: number; readonly y: number } {
  const at = Math.floor(entry / entries);
  return { x: (at % columns) * cell, y: Math.floor(at / columns) * cell };
}

/** How bad each cell is, as places in {@link WORST_FIRST}, gathered as values come in. */
export class Cells {
  /** 255 where nothing came yet. */
  readonly ranks: Uint8Array;
  readonly #entries: number;
  readonly #rankOfValue = new Uint8Array(256);

  constructor(length: number, layout: Layout, statuses: Iterable<{ readonly value: number; readonly status: Status }>) {
    this.#entries = layout.entries;
    this.ranks = new Uint8Array(Math.ceil(length / layout.entries)).fill(255);
    for (const { value, status } of statuses) this.#rankOfValue[value] = WORST_FIRST.indexOf(status);
  }

  /** Takes the values of entries from `first` on. */
  take(first: number, values: Uint8Array): void {
    for (let at = 0; at < values.length; at += 1) {
      const cell = Math.floor((first + at) / this.#entries);
      const rank = this.#rankOfValue[values[at] ?? 0] ?? 0;
      if (rank < (this.ranks[cell] ?? 0)) this.ranks[cell] = rank;
    }
  }
}

/** Paints cells with a colour for each rank, given as red, green and blue. */
export function paint(layout: Layout, ranks: Uint8Array, colours: readonly (readonly [number, number, number])[]): ImageData {
  const { width, height, columns, cell } = layout;
  const image = new ImageData(width, height);
  // Whole pixels are written at once: there are a million of them in a large list. The detour over bytes gets their order right.
  const pixels = new Uint32Array(image.data.buffer);
  const packed = colours.map((colour) => new Uint32Array(Uint8Array.of(...colour, 255).buffer)[0] ?? 0);
  // A line between cells helps the eye where there is room for one.
  const filled = cell >= 5 ? cell - 1 : cell;
  for (let at = 0; at < ranks.length; at += 1) {
    const colour = packed[ranks[at] ?? 255];
    if (colour === undefined) continue;
    const start = Math.floor(at / columns) * cell * width + (at % columns) * cell;
    for (let line = 0; line < filled; line += 1) pixels.fill(colour, start + line * width, start + line * width + filled);
  }
  return image;
}
