import { CreateBucketCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import type { Place } from './place.js';

/** What docs/stores.md gives a user of a bucket without versions. radosgw looks for the last one on the bucket, for deletions of several. */
const onBucket = ['s3:ListBucket', 's3:GetBucketVersioning', 's3:DeleteObject'];
const onObjects = ['s3:PutObject', 's3:GetObject', 's3:DeleteObject'];

export async function createBucket(port: number, bucket: string, locks = false): Promise<void> {
  const owner = ownerAt(port);
  await owner.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: locks }));
  owner.destroy();
}

/** Creates a bucket whose objects can be locked. */
export function createLockingBucket(port: number, bucket: string): Promise<void> {
  return createBucket(port, bucket, true);
}

/** Has the bucket's owner give another user of radosgw the documented permissions. */
export async function allow(port: number, bucket: string, user: string): Promise<void> {
  const owner = ownerAt(port);
  const statement = (actions: readonly string[], resource: string) => ({
    Effect: 'Allow',
    Principal: { AWS: [`arn:aws:iam:::user/${user}`] },
    Action: actions,
    Resource: [`arn:aws:s3:::${resource}`],
  });
  const policy = {
    Version: '2012-10-17',
    Statement: [statement(onBucket, bucket), statement(onObjects, `${bucket}/*`)],
  };
  await owner.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(policy) }));
  owner.destroy();
}

function ownerAt(port: number): S3Client {
  return s3ClientAt({ port, key: 'key' });
}

/** AWS's own client. Of servers other than AWS, few know its checksums. */
export function s3ClientAt(
  place: Pick<Extract<Place, { kind: 's3' }>, 'port' | 'key' | 'secret' | 'region'>,
): S3Client {
  const { port, key, secret = 'secret', region = 'default' } = place;
  return new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: key, secretAccessKey: secret },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}
