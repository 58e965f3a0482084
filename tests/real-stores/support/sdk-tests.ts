import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from '@jest/globals';
import { s3ClientAt } from './buckets.js';
import { newPrefix, type PlaceOnHttp, storeAt } from './place.js';

/** Declares the test that AWS's own client reads what we wrote, and the reverse. */
export function testAwsSdk(store: string, at: () => Extract<PlaceOnHttp, { kind: 's3' }>): void {
  test(`${store}: AWS’s own client and this store read, list and delete what the other one put`, async () => {
    const place = { ...at(), prefix: newPrefix() };
    const [ours, client] = [storeAt(place), s3ClientAt(place)];
    const bucket = { Bucket: 'backups' };
    // What the one and the other might encode in another way.
    const names = ['plain', 'folder/a b+c', 'ä€😀', "~!*'()&=?#%25"];
    const bytes = randomBytes(3 * 1024 * 1024);
    for (const name of names) {
      const [byUs, byThem] = [`ours/${name}`, `theirs/${name}`];
      await ours.put(byUs, bytes);
      await client.send(new PutObjectCommand({ ...bucket, Key: `${place.prefix}/${byThem}`, Body: bytes }));
      const { Body } = await client.send(new GetObjectCommand({ ...bucket, Key: `${place.prefix}/${byUs}` }));
      expect(bytes.equals((await Body?.transformToByteArray()) ?? Buffer.alloc(0))).toBe(true);
      expect(bytes.equals(await buffer(await ours.get(byThem)))).toBe(true);
    }
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ ...bucket, Prefix: place.prefix }));
    const listed: string[] = [];
    for await (const { key } of ours.list('')) listed.push(`${place.prefix}/${key}`);
    expect(listed).toEqual(Contents.map(({ Key }) => Key));
    expect(listed).toHaveLength(2 * names.length);
    expect((await ours.delete(names.map((name) => `theirs/${name}`))).failed).toEqual([]);
    for (const name of names) {
      await client.send(new DeleteObjectCommand({ ...bucket, Key: `${place.prefix}/ours/${name}` }));
    }
    for await (const { key } of ours.list('')) throw new Error(`${key} is still there`);
    client.destroy();
  });
}
