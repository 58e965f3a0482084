/** What of an element's attributes means something in vim25. */
export interface ElementAttributes {
  /** A managed object reference's `type`. */
  readonly type: string | undefined;
  /** `xsi:type` without prefix, whatever prefix the sender gave to the attribute itself. */
  readonly xsiType: string | undefined;
}

/** Makes a value of one element, as its parts come in. */
export interface ElementDecoder {
  /**
   * A child begins.
   *
   * @returns what decodes it; `undefined` where nobody wants it
   * @throws Misfit where there must be none
   */
  child(name: string, attributes: ElementAttributes): ElementDecoder | undefined;
  /** The child that {@link child} was told of last has ended. */
  take(name: string, value: unknown): void;
  /** Text, in as many pieces as it happens to come in. */
  text(text: string): void;
  /**
   * The element ends.
   *
   * @throws Misfit where it cannot be what it should be
   */
  end(): unknown;
  /** How a child that is under way is called in a path: `.name`, `[0]`. */
  pathOf(name: string): string;
}
