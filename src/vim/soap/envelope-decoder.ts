import { decoderOf, type ElementAttributes, type ElementDecoder, FieldsDecoder } from '../codec/index.js';
import { isObjectType } from '../codec/type-facts.js';
import { type MethodDefinition, type MethodName, methods, parseTypeSpec } from '../schema/index.js';

/** What the body of an envelope says. */
export type Reply =
  | { readonly kind: 'result'; readonly value: unknown }
  | {
      readonly kind: 'fault';
      /** `undefined` where the server named none. */
      readonly name: string | undefined;
      readonly message: string;
      readonly detail: Readonly<Record<string, unknown>>;
    }
  /** Neither the method's answer nor a fault. */
  | { readonly kind: 'other' };

/** An element of the SOAP envelope: of its children those count that it has a decoder for, and the first of each. */
class EnvelopePart<T> implements ElementDecoder {
  readonly #childOf: (name: string, attributes: ElementAttributes) => ElementDecoder | undefined;
  readonly #endOf: (children: ReadonlyMap<string, unknown>) => T;
  readonly #children = new Map<string, unknown>();

  constructor(
    childOf: (name: string, attributes: ElementAttributes) => ElementDecoder | undefined,
    endOf: (children: ReadonlyMap<string, unknown>) => T,
  ) {
    this.#childOf = childOf;
    this.#endOf = endOf;
  }

  child(name: string, attributes: ElementAttributes): ElementDecoder | undefined {
    return this.#children.has(name) ? undefined : this.#childOf(name, attributes);
  }

  take(name: string, value: unknown): void {
    this.#children.set(name, value);
  }

  text(): void {
    // White space between the elements.
  }

  end(): T {
    return this.#endOf(this.#children);
  }

  pathOf(name: string): string {
    return `.${name}`;
  }
}

/** Decodes the envelope of a method's reply. Its value is a {@link Reply}. */
export function envelopeDecoder(method: MethodName): ElementDecoder {
  return new EnvelopePart(
    (name) => (name === 'Body' ? bodyDecoder(method) : undefined),
    (children) => children.get('Body') ?? { kind: 'other' },
  );
}

function bodyDecoder(method: MethodName): ElementDecoder {
  const answer = `${method}Response`;
  return new EnvelopePart<Reply>(
    (name) => (name === answer ? answerDecoder(method) : name === 'Fault' ? faultDecoder() : undefined),
    (children) => (children.get('Fault') ?? children.get(answer) ?? { kind: 'other' }) as Reply,
  );
}

function answerDecoder(method: MethodName): ElementDecoder {
  const { returns }: MethodDefinition = methods[method];
  const fields = new Map(returns === undefined ? [] : [['returnval', parseTypeSpec(returns)] as const]);
  return new AnswerDecoder(fields, 'declared');
}

class AnswerDecoder extends FieldsDecoder {
  override end(): { kind: 'result'; value: unknown } {
    return { kind: 'result', value: super.end()['returnval'] };
  }
}

function faultDecoder(): ElementDecoder {
  const text = (): ElementDecoder => decoderOf('string', { type: undefined, xsiType: undefined }, 'any');
  return new EnvelopePart<Reply>(
    (name) => (name === 'faultstring' ? text() : name === 'detail' ? detailDecoder() : undefined),
    (children) => {
      const message = children.get('faultstring');
      const detail = children.get('detail') as Pick<Reply & { kind: 'fault' }, 'name' | 'detail'> | undefined;
      return {
        kind: 'fault',
        name: detail?.name,
        message: typeof message === 'string' ? message : '',
        detail: detail?.detail ?? {},
      };
    },
  );
}

/** The first element in a fault's detail is the fault itself. */
function detailDecoder(): ElementDecoder {
  let fault: { readonly element: string; readonly name: string } | undefined;
  return new EnvelopePart(
    (element, attributes) => {
      if (fault !== undefined) return undefined;
      // vSphere names the fault's type; the element's name is that of the fault the method declares, plus `Fault`.
      const name = attributes.xsiType ?? element.replace(/(?<=.)Fault$/, '');
      fault = { element, name };
      return decoderOf('any', { ...attributes, xsiType: isObjectType(name) ? name : attributes.xsiType }, 'any');
    },
    (children) => {
      const value = fault && children.get(fault.element);
      const { _type, ...detail } = (typeof value === 'object' ? value : {}) as Readonly<Record<string, unknown>>;
      return { name: fault?.name, detail };
    },
  );
}
