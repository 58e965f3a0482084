/** The command line does not say what to do, or where. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
