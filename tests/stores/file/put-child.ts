// Run as a process of its own: begins a put, says so, and stands still in the middle of it until it is killed.
import { FileObjectStore } from '../../../src/stores/index.js';

const [directory = ''] = process.argv.slice(2);
let buffers = 0;

function standStill(): void {
  process.stdout.write('standing still\n');
  // Blocks the thread, so that nothing goes on, not even what has been started.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

// The store looks at the signal before each buffer.
const { signal } = new AbortController();
Object.defineProperty(signal, 'aborted', {
  get: () => {
    if (buffers++ === 3) standStill();
    return false;
  },
});

await new FileObjectStore({ directory }).put(
  'object',
  [1, 2, 3, 4].map(() => Buffer.alloc(65_536, 1)),
  { signal },
);
