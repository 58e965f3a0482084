/** What a reply's text goes into as it comes. */
export interface ReplySink {
  /**
   * Takes a piece of the reply, of some thousand characters at most, since it is read in one go.
   *
   * @throws NoEnvelopeError
   * @throws VimProtocolError where it is not what a vim25 server sends
   */
  write(text: string): void;
  /**
   * All of it was written.
   *
   * @throws NoEnvelopeError where it is not whole
   */
  end(): void;
}

/** What came is no SOAP envelope, such as a proxy's error page, or one that ends early. */
export class NoEnvelopeError extends Error {}
