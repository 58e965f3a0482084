import { RepositoryDamagedError } from '../../errors/index.js';
import { type Page, parsePage } from '../format/page.js';
import type { Root } from '../format/root.js';
import type { PackReader } from './pack-reader.js';

/** How many pages are read ahead, in the order of the disk: 1 GiB of it, some megabytes of map at most. */
const pagesAtOnce = 128;

/** Reads a backup's map page by page. Whoever asks in the order of the disk has each page read once. */
export class MapReader {
  readonly #root: Pick<Root, 'pages'>;
  readonly #packs: PackReader;
  #first = 0;
  #pages: (Buffer | undefined)[] = [];

  constructor(root: Pick<Root, 'pages'>, packs: PackReader) {
    this.#root = root;
    this.#packs = packs;
  }

  /** The nth page as it is stored; undefined where the backup has none. */
  async bytes(number: number): Promise<Buffer | undefined> {
    if (!this.#root.pages.has(number)) return undefined;
    if (number < this.#first || number >= this.#first + this.#pages.length) await this.#readFrom(number);
    return this.#pages[number - this.#first];
  }

  /** @throws RepositoryDamagedError */
  async page(number: number): Promise<Page | undefined> {
    const bytes = await this.bytes(number);
    try {
      return bytes && parsePage(bytes);
    } catch (error) {
      throw new RepositoryDamagedError(`page ${number} of the map cannot be read`, { cause: error });
    }
  }

  async #readFrom(first: number): Promise<void> {
    const addresses = Array.from({ length: pagesAtOnce }, (_, place) => this.#root.pages.get(first + place));
    const present = addresses.filter((address) => address !== undefined);
    const blobs = await this.#packs.read(present);
    let next = 0;
    this.#pages = addresses.map((address) => (address === undefined ? undefined : blobs[next++]));
    this.#first = first;
  }
}
