import type { Readable } from 'node:stream';
import type {
  AbortableOptions,
  Download,
  MethodArgs,
  MethodName,
  MethodResult,
  MoRef,
  VimObject,
  VimSession,
} from '../../../src/vim/index.js';

export interface ScriptedCall {
  readonly method: MethodName;
  readonly target: MoRef;
  readonly args: unknown;
  readonly signal: AbortSignal | undefined;
}

/** Answers to a method's calls, in turn; an `Error` is thrown, a function is called. The last one stays. */
export type Script = Partial<Record<MethodName, unknown[]>>;

const collector: MoRef = { type: 'PropertyCollector', value: 'propertyCollector' };

/** A session whose server is a list of answers. */
export class ScriptedSession implements VimSession {
  readonly calls: ScriptedCall[] = [];
  readonly host = 'vcenter.example';
  readonly port = 443;
  readonly serviceContent = {
    rootFolder: { type: 'Folder', value: 'group-d1' },
    propertyCollector: collector,
  } as VimObject<'ServiceContent'>;
  #collectors = 0;

  constructor(readonly script: Script) {}

  async invoke<M extends MethodName>(
    method: M,
    target: MoRef,
    args: MethodArgs<M>,
    { signal }: AbortableOptions = {},
  ): Promise<MethodResult<M>> {
    this.calls.push({ method, target, args, signal });
    const answers = this.script[method] ?? [this.#standard(method)];
    let answer = answers.length > 1 ? answers.shift() : answers[0];
    if (typeof answer === 'function') answer = await (answer as (call: ScriptedCall) => unknown)(this.calls.at(-1)!);
    if (answer instanceof Error) throw answer;
    return answer as MethodResult<M>;
  }

  named(method: MethodName): ScriptedCall[] {
    return this.calls.filter((call) => call.method === method);
  }

  download(): Promise<Download> {
    throw new Error('not scripted');
  }

  upload(_url: string, _source: Readable): Promise<void> {
    throw new Error('not scripted');
  }

  #standard(method: MethodName): unknown {
    switch (method) {
      case 'CreatePropertyCollector':
        return { type: 'PropertyCollector', value: `session[1]${++this.#collectors}` };
      case 'CreateFilter':
        return { type: 'PropertyFilter', value: 'filter-1' };
      default:
        return undefined;
    }
  }
}
