import { VimProtocolError } from '../../errors/index.js';

/** How long a path may become in a message. */
const maxPathLength = 160;

/** A value that is not what the schema table declares. Whoever passes it on says where it is, from the inside out. */
export class Misfit extends Error {
  /** Where, as far as is known: `.name`, `[0]`, and so on. */
  #path = '';

  /** Puts the name of what it is in before the path, as `.name` or `[0]`. */
  within(part: string): this {
    this.#path = part + this.#path;
    return this;
  }

  /** @param root what the path begins with */
  toError(root: string): VimProtocolError {
    const path = `${root}${this.#path}`;
    return new VimProtocolError(
      `${path.length > maxPathLength ? `${path.slice(0, maxPathLength)}…` : path}: ${this.message}`,
    );
  }
}
