/** Keys of S3, in the shape that the AWS SDK has for them. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  /** When they end. */
  readonly expiration?: Date | undefined;
}

/**
 * Gives keys when they are needed, and again when they are about to end or were refused: what the functions of
 * `@aws-sdk/credential-providers` return.
 */
export type S3CredentialsProvider = () => Promise<S3Credentials>;
