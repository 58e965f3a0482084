import * as z from 'zod';
import { expirySchema, headerTextSchema, orNone } from '../http/credential-shape.js';

/** Keys of S3, in the shape that the AWS SDK has for them. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they end; a string is ISO 8601, as AWS's own JSON has it. */
  readonly expiration?: Date | string | undefined;
}

/**
 * Gives keys when they are needed, and again when they are about to end or were refused: what the functions of
 * `@aws-sdk/credential-providers` return.
 */
export type S3CredentialsProvider = () => Promise<S3Credentials>;

export const s3CredentialsSchema = z.looseObject({
  accessKeyId: headerTextSchema,
  secretAccessKey: z.string().min(1),
  sessionToken: orNone(headerTextSchema),
  expiration: orNone(expirySchema),
});

/** Keys as they were parsed. */
export type S3Keys = Readonly<z.infer<typeof s3CredentialsSchema>>;
