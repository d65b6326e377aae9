import type { Made, Reference, Request } from '../worker/protocol.js';
import type { Engine } from './engine.js';

let last = 0;

/** How something is made in an instance, and let go. */
export interface Recipe {
  readonly make: () => Request;
  /** The member of the result that has the instance's number. */
  readonly member: string;
  /** What it is told once it is there. */
  readonly then?: (reference: Reference) => readonly Request[];
  readonly drop: (reference: Reference) => Request;
}

/** What nobody holds any more need not be held in the worker either. */
const cleaner = new FinalizationRegistry<{ engine: WeakRef<Engine>; number: number; drop: Request }>(
  ({ engine, number, drop }) => engine.deref()?.forget(number, drop),
);

/**
 * Something that the page holds and that lives in a worker's instance: made there when it is first used, and made again in an
 * instance that replaces it. It belongs to one engine, and what a page is given of it has only methods: nothing takes one as an
 * argument, so that none can be given to another engine.
 */
export class Handle {
  readonly number: number;
  readonly reference: Reference;
  readonly #engine: Engine;
  readonly #recipe: Recipe;
  /** Whether an instance has accepted it once. */
  wasMade = false;

  constructor(engine: Engine, recipe: Recipe) {
    last += 1;
    this.number = last;
    this.reference = { $handle: last };
    this.#engine = engine;
    this.#recipe = recipe;
    cleaner.register(this, { engine: new WeakRef(engine), number: last, drop: recipe.drop(this.reference) }, this);
  }

  made(): Made {
    const { make, member, then } = this.#recipe;
    return { handle: this.number, make: make(), member, then: then?.(this.reference) ?? [] };
  }

  close(): void {
    cleaner.unregister(this);
    this.#engine.forget(this.number, this.#recipe.drop(this.reference));
  }
}
