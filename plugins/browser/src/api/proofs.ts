/** The memory of used proofs: this gate's own, and no other's. */

/** Most proofs that are remembered. A page makes some in a minute. */
const MAX_PROOFS = 10_000;

export class Proofs {
  readonly #until = new Map<string, number>();

  /** One insert-if-absent. A memory that is full drops nothing that it still needs. */
  remember(key: string, until: number, now: number): 'fresh' | 'seen' | 'full' {
    const known = this.#until.get(key);
    if (known !== undefined && known >= now) return 'seen';
    if (this.#until.size >= MAX_PROOFS) {
      for (const [other, end] of this.#until) if (end < now) this.#until.delete(other);
      if (this.#until.size >= MAX_PROOFS) return 'full';
    }
    this.#until.set(key, until);
    return 'fresh';
  }
}
