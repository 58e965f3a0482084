interface Outcome {
  readonly store: string;
  readonly operation: string;
  readonly fault: string;
  readonly survived: boolean;
}

const outcomes: Outcome[] = [];

/** Does something and notes whether it was survived: nothing lost, nothing half visible, nothing left. */
export async function noting(
  store: string,
  operation: string,
  fault: string,
  action: () => Promise<void>,
): Promise<void> {
  let survived = false;
  try {
    await action();
    survived = true;
  } finally {
    outcomes.push({ store, operation, fault, survived });
  }
}

/** Prints what was tried: store × operation × fault. */
export function printOutcomes(): void {
  const rows = outcomes.splice(0);
  const width = (column: keyof Omit<Outcome, 'survived'>) => Math.max(...rows.map((row) => row[column].length), 0);
  const lines = rows.map(
    ({ store, operation, fault, survived }) =>
      `${store.padEnd(width('store'))}  ${operation.padEnd(width('operation'))}  ${fault.padEnd(width('fault'))}  ${survived ? 'survived' : 'LOST'}`,
  );
  process.stderr.write(
    `\n${lines.join('\n')}\n${rows.filter(({ survived }) => survived).length} of ${rows.length} survived\n`,
  );
}
