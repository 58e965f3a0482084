/**
 * The steps of the driver's operations, as the blueprint orders them. Progress events and errors name them.
 *
 * - `prepare`: inputs, the backing, placement and free space are looked at; a backing is created where there is none. All
 *   of `createBacking`, `deleteBacking` and `extendVolume`
 * - `export`: bytes come from vSphere (`ExportVm`, NFC download)
 * - `store`: the backup service takes the stream
 * - `fetch`: the backup service gives the stream back
 * - `validate`: length, SHA-256 and structure of the stream are checked
 * - `import`: bytes go to vSphere (`ImportVApp`, NFC upload)
 * - `swap`: the imported disk becomes the volume's
 * - `cleanup`: lease, temporary VM, old disk and temporary file are removed. All of `recover`
 */
export type Phase = 'prepare' | 'export' | 'store' | 'fetch' | 'validate' | 'import' | 'swap' | 'cleanup';
