// Run as a process of its own: stores bytes without end at the place it is told, until it is killed.
import { randomBytes } from 'node:crypto';
import { serviceAt, type Place } from './place.js';

const [place = '', id = ''] = process.argv.slice(2);
const writer = await serviceAt(JSON.parse(place) as Place).openBackup({ id, volumeId: 'volume-1' });
for (let written = 0; ; written++) {
  await writer.write(randomBytes(1024 * 1024));
  // By then a whole segment is on its way, or there.
  if (written === 20) process.stdout.write('well under way\n');
}
