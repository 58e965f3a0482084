import type { VimObject } from '../../vim/schema/index.js';
import { fault } from '../fault.js';
import { ManagedObject } from '../managed-object.js';
import type { Registry } from '../registry.js';
import type { Session } from '../session.js';
import { FilterSpec } from './filter-spec.js';
import { type FilterState, PropertyFilter } from './property-filter.js';

/** How many objects a page or an update holds where the client sets no limit. */
const NO_LIMIT = Number.POSITIVE_INFINITY;

type States = ReadonlyMap<PropertyFilter, FilterState>;

/** One session's view of a property collector: its filters, what it was told, and its open retrievals. */
export class Collector extends ManagedObject {
  readonly #registry: Registry;
  readonly #session: Session;
  readonly #pages = new Map<string, { rest: VimObject<'ObjectContent'>[]; size: number }>();
  #filters: PropertyFilter[] = [];
  #nextToken = 0;
  #version = 0;
  /** What the client has, as of the version it last named; and what it has if the last answer reached it. */
  #acknowledged: States = new Map();
  #sent: States = new Map();
  #cancelWait: (() => void) | undefined;

  constructor(registry: Registry, session: Session, id: string) {
    super('PropertyCollector', id);
    this.#registry = registry;
    this.#session = session;
  }

  get filters(): readonly PropertyFilter[] {
    return this.#filters;
  }

  /** @throws Fault InvalidProperty, InvalidArgument, ManagedObjectNotFound */
  createFilter(spec: VimObject<'PropertyFilterSpec'>): PropertyFilter {
    const id = `${this.id}-filter-${this.#registry.nextNumber('filter')}`;
    const filter = new PropertyFilter(id, this, new FilterSpec(this.#registry, this.#session, spec));
    this.#filters.push(filter);
    return this.#registry.add(filter);
  }

  destroyFilter(filter: PropertyFilter): void {
    this.#filters = this.#filters.filter((entry) => entry !== filter);
    this.#registry.remove(filter);
  }

  /** Ends everything a client does with it. */
  destroy(): void {
    this.cancelWait();
    for (const filter of [...this.#filters]) this.destroyFilter(filter);
    this.#pages.clear();
  }

  /** The first page of what the specs select. */
  retrieve(
    specs: readonly VimObject<'PropertyFilterSpec'>[],
    maxObjects: number | undefined,
  ): VimObject<'RetrieveResult'> | undefined {
    if (maxObjects !== undefined && maxObjects <= 0) {
      throw fault('InvalidArgument', { invalidProperty: 'maxObjects' }, 'maxObjects must be positive');
    }
    const objects = specs
      .flatMap((spec) => new FilterSpec(this.#registry, this.#session, spec).evaluate())
      .map(({ object, values, missing }): VimObject<'ObjectContent'> => ({
        obj: object.ref,
        propSet: [...values].map(([name, val]) => ({ name, val })),
        ...(missing.length === 0 ? {} : { missingSet: missing }),
      }));
    return objects.length === 0 ? undefined : this.#page(objects, maxObjects ?? NO_LIMIT);
  }

  /** @throws Fault InvalidArgument where the token is not one of an open retrieval */
  continueRetrieval(token: string): VimObject<'RetrieveResult'> {
    const { rest, size } = this.#takePages(token);
    return this.#page(rest, size);
  }

  /** @throws Fault InvalidArgument where the token is not one of an open retrieval */
  cancelRetrieval(token: string): void {
    this.#takePages(token);
  }

  /** Makes a waiting {@link waitForUpdates} end with `RequestCanceled`. */
  cancelWait(): void {
    this.#cancelWait?.();
  }

  /**
   * What changed since `version`, as soon as anything did.
   *
   * @returns undefined where nothing did within `maxWaitSeconds`
   * @throws Fault InvalidCollectorVersion, RequestCanceled
   */
  async waitForUpdates(
    version: string,
    { maxWaitSeconds, maxObjectUpdates }: { readonly maxWaitSeconds?: number; readonly maxObjectUpdates?: number },
    signal: AbortSignal,
  ): Promise<VimObject<'UpdateSet'> | undefined> {
    if (maxWaitSeconds !== undefined && maxWaitSeconds < 0) throw invalidOption('maxWaitSeconds');
    if (maxObjectUpdates !== undefined && maxObjectUpdates <= 0) throw invalidOption('maxObjectUpdates');
    // A collector answers one wait at a time: a new one ends the one before.
    this.cancelWait();
    this.#acknowledge(version);
    const limit = maxObjectUpdates ?? NO_LIMIT;
    const now = this.#updates(limit);
    if (now !== undefined || maxWaitSeconds === 0) return now;

    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        stopListening();
        clearTimeout(timer);
        signal.removeEventListener('abort', cancel);
        if (this.#cancelWait === cancel) this.#cancelWait = undefined;
        settle();
      };
      const cancel = (): void => {
        end(() => {
          reject(fault('RequestCanceled', {}, 'The request was canceled by a user'));
        });
      };
      const stopListening = this.#registry.onChange(() => {
        const updates = this.#updates(limit);
        if (updates !== undefined)
          end(() => {
            resolve(updates);
          });
      });
      const timer =
        maxWaitSeconds === undefined
          ? undefined
          : setTimeout(() => {
              end(() => {
                resolve(undefined);
              });
            }, maxWaitSeconds * 1000).unref();
      signal.addEventListener('abort', cancel, { once: true });
      this.#cancelWait = cancel;
      if (signal.aborted) cancel();
    });
  }

  /** Takes note of which answer the client has. One lost on the way can be asked for again by the version before it. */
  #acknowledge(version: string): void {
    if (version === '') this.#acknowledged = this.#sent = new Map();
    else if (version === String(this.#version)) this.#acknowledged = this.#sent;
    else if (version === String(this.#version - 1) && this.#version > 1) this.#sent = this.#acknowledged;
    else throw fault('InvalidCollectorVersion', {}, `Version ${version} is not one of this collector's last two`);
  }

  /** What to tell the client now, or undefined where there is nothing. */
  #updates(limit: number): VimObject<'UpdateSet'> | undefined {
    const filterSet: VimObject<'PropertyFilterUpdate'>[] = [];
    const after = new Map<PropertyFilter, FilterState>();
    let room = limit;
    let anyTruncated = false;
    for (const filter of this.#filters) {
      const result = filter.changesSince(this.#acknowledged.get(filter) ?? new Map(), room);
      after.set(filter, result.after);
      room -= result.updates.length;
      anyTruncated ||= result.truncated;
      if (result.updates.length > 0) filterSet.push({ filter: filter.ref, objectSet: result.updates });
    }
    if (filterSet.length === 0) return undefined;
    this.#sent = after;
    this.#version++;
    return { version: String(this.#version), filterSet, truncated: anyTruncated };
  }

  #page(objects: VimObject<'ObjectContent'>[], size: number): VimObject<'RetrieveResult'> {
    if (objects.length <= size) return { objects };
    const token = String(this.#nextToken++);
    this.#pages.set(token, { rest: objects.slice(size), size });
    return { token, objects: objects.slice(0, size) };
  }

  #takePages(token: string): { rest: VimObject<'ObjectContent'>[]; size: number } {
    const pages = this.#pages.get(token);
    if (pages === undefined) throw fault('InvalidArgument', { invalidProperty: 'token' }, 'The token is not valid');
    this.#pages.delete(token);
    return pages;
  }
}

function invalidOption(invalidProperty: string) {
  return fault('InvalidArgument', { invalidProperty }, `${invalidProperty} is out of range`);
}
