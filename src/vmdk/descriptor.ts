/** What the text descriptor inside a stream says. Names in it are never opened. */
export interface VmdkDescriptor {
  /** Content id: eight hexadecimal digits as written, such as `fffffffe`. */
  readonly cid: string;
  /** `ddb.adapterType`: `lsilogic`, `buslogic`, `ide`, `lsisas1068`, `pvscsi`; undefined where there is none. */
  readonly adapterType: string | undefined;
  /** `ddb.uuid`, or VirtualBox's `ddb.uuid.image`, as written; undefined where there is none. */
  readonly uuid: string | undefined;
  /** Whether the extent is `RW`, `RDONLY` or `NOACCESS`. */
  readonly access: string;
  /** Every `ddb.*` entry, the prefix left out: `{ adapterType: 'lsilogic', 'geometry.heads': '255', … }`. */
  readonly ddb: Readonly<Record<string, string>>;
}
