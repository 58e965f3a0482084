import { RepositoryDamagedError } from '../../errors/index.js';
import type { BlobAddress, KeyedBlob } from '../format/blob.js';
import { formatPage, type Page, pageGrains } from '../format/page.js';
import type { Root } from '../format/root.js';
import type { MapReader } from '../read/map-reader.js';
import type { Vault } from '../vault/vault.js';
import type { PackWriter } from './pack-writer.js';

/** The backup whose grains and pages the new one may share. */
export interface ParentMap {
  readonly root: Root;
  readonly map: MapReader;
  /** Packs of the parent that are gone or broken: what is in them is stored anew. */
  readonly lostPacks: ReadonlySet<string>;
}

/** Writes a backup's map, page after page, and shares with the parent those that are the same. */
export class MapWriter {
  readonly #packs: PackWriter;
  readonly #vault: Vault;
  readonly #parent: ParentMap | undefined;
  readonly #pages = new Map<number, BlobAddress>();
  /** Packs that what was written so far refers to. */
  readonly referenced = new Set<string>();
  #number = -1;
  #page: Page = [];
  #parentPage: Page | undefined;
  #parentBytes: Buffer | undefined;

  constructor(packs: PackWriter, vault: Vault, parent: ParentMap | undefined) {
    this.#packs = packs;
    this.#vault = vault;
    this.#parent = parent;
  }

  /** Where the parent has the grain in this place; undefined where it has none, or lost it. Places must come in their order. */
  async ofParent(index: number): Promise<KeyedBlob | undefined> {
    await this.#turnTo(Math.floor(index / pageGrains));
    const blob = this.#parentPage?.[index % pageGrains];
    return blob === undefined || this.#parent?.lostPacks.has(blob.pack) === true ? undefined : blob;
  }

  /** Says where the grain in this place is. */
  async set(index: number, blob: KeyedBlob): Promise<void> {
    await this.#turnTo(Math.floor(index / pageGrains));
    this.#page[index % pageGrains] = blob;
    this.referenced.add(blob.pack);
  }

  /** Writes the last page. */
  async finish(): Promise<Root['pages']> {
    await this.#endPage();
    return this.#pages;
  }

  async #turnTo(number: number): Promise<void> {
    if (number === this.#number) return;
    await this.#endPage();
    this.#number = number;
    this.#page = new Array<KeyedBlob | undefined>(pageGrains).fill(undefined);
    this.#parentBytes = undefined;
    this.#parentPage = undefined;
    const address = this.#parent?.root.pages.get(number);
    if (address === undefined || this.#parent?.lostPacks.has(address.pack) === true) return;
    try {
      this.#parentBytes = await this.#parent?.map.bytes(number);
      this.#parentPage = await this.#parent?.map.page(number);
    } catch (error) {
      // What the parent lost is stored anew: that heals it for this backup and those that follow.
      if (!(error instanceof RepositoryDamagedError)) throw error;
      this.#parentBytes = undefined;
    }
  }

  async #endPage(): Promise<void> {
    if (this.#number < 0 || this.#page.every((blob) => blob === undefined)) return;
    const bytes = formatPage(this.#page);
    const shared = this.#parent?.root.pages.get(this.#number);
    if (shared !== undefined && this.#parentBytes?.equals(bytes) === true) {
      this.#pages.set(this.#number, shared);
      return;
    }
    const [key = bytes] = await this.#vault.keysOf([bytes]);
    this.#pages.set(this.#number, await this.#packs.add(bytes, key));
  }
}
