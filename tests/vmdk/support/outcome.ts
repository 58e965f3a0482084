import { InvalidVmdkError, type VmdkInfo, VmdkInspector } from '../../../src/vmdk/index.js';

/** Inspects bytes in memory. */
export function inspectBytes(bytes: Buffer, chunkBytes = bytes.length || 1): VmdkInfo {
  const inspector = new VmdkInspector();
  for (let at = 0; at < bytes.length; at += chunkBytes) inspector.write(bytes.subarray(at, at + chunkBytes));
  return inspector.end();
}

/** The refusal that an action ends in, as `reason@offset`; anything but a refusal is thrown on. */
export async function refusal(action: () => unknown): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidVmdkError)) throw error;
    return `${error.reason}@${error.offset}`;
  }
}
