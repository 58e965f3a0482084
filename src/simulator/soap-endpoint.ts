import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { anySignal } from '../any-signal.js';
import { type CallFaultKind, type CallFaults, type PlannedFault, sessionEndOf, toFault } from './call-faults.js';
import type { CallListeners } from './call-listeners.js';
import { type CallLog, type CallRecord, masked } from './call-log.js';
import type { Caller } from './caller.js';
import { asFault, fault } from './fault.js';
import { ManagedEntity } from './inventory/managed-entity.js';
import type { ManagedObject } from './managed-object.js';
import { answerOfEnded, isAnswered } from './methods/ended-session.js';
import { type AnyHandler, handlers } from './methods/index.js';
import type { SoapService } from './services/soap-service.js';
import type { Session } from './session.js';
import { setCookie } from './sessions.js';
import { decodeArguments, decodeRequest, type SoapRequest } from './soap/decode-request.js';
import { faultEnvelope, replyEnvelope } from './soap/envelope.js';
import type { World } from './world.js';

/** Longer requests are refused. */
const MAX_REQUEST = 64 * 2 ** 20;

/** What a call is answered with. */
type Answer =
  | { readonly kind: 'reply'; readonly status: number; readonly body: string; readonly cookie?: string }
  | { readonly kind: 'reset' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'page' };

/** What every call passes on its way. */
export interface CallHooks {
  readonly log: CallLog;
  readonly faults: CallFaults;
  readonly listeners: CallListeners;
}

/** Answers SOAP requests to one service. */
export class SoapEndpoint {
  readonly #world: World;
  readonly #service: SoapService;
  readonly #hooks: CallHooks;

  constructor(world: World, service: SoapService, hooks: CallHooks) {
    this.#world = world;
    this.#service = service;
    this.#hooks = hooks;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readText(request);
    const gone = new AbortController();
    response.on('close', () => {
      gone.abort();
    });
    const answer = await this.#answer(request, text, gone.signal);
    switch (answer.kind) {
      case 'reset':
        response.destroy();
        return;
      case 'hang':
        return;
      case 'page':
        response.writeHead(500, { 'Content-Type': 'text/html' });
        response.end('<html><body><h1>Internal Server Error</h1></body></html>');
        return;
      case 'reply': {
        this.#world.settings.onExchange?.({ request: text, reply: answer.body });
        const cookie = answer.cookie === undefined ? {} : { 'Set-Cookie': answer.cookie };
        response.writeHead(answer.status, {
          'Content-Type': 'text/xml; charset=utf-8',
          'Cache-Control': 'no-cache',
          ...cookie,
        });
        response.end(answer.body);
      }
    }
  }

  async #answer(request: IncomingMessage, text: string, gone: AbortSignal): Promise<Answer> {
    let call: SoapRequest;
    try {
      call = decodeRequest(this.#service.schema, text);
    } catch (error) {
      return this.#fault(error);
    }
    const { log, faults } = this.#hooks;
    const record = log.begin(call.method, call.target, text.length);
    const planned = faults.take(call.method);
    const answer = await this.#run(request, call, record, planned, gone);
    record.answered = answer.kind === 'reply';
    if (answer.kind === 'reply') log.reply(record, answer.body.length);
    return answer;
  }

  async #run(
    request: IncomingMessage,
    call: SoapRequest,
    record: CallRecord,
    planned: PlannedFault | undefined,
    gone: AbortSignal,
  ): Promise<Answer> {
    const { listeners } = this.#hooks;
    const session = this.#service.sessionOf(request, call);
    record.session = session?.key;
    await listeners.notify('before', record);
    if (planned?.kind === 'late') {
      const late = this.#caller(request, session, this.#world.closed, record, planned);
      planned.late = () => this.#arriveLate(call, record, late);
      return { kind: 'reset' };
    }
    if (planned?.when === 'before') {
      const answer = this.#strike(planned.kind, session, record);
      if (answer !== undefined) return answer;
    }
    const caller = this.#caller(request, session?.ended.aborted === true ? undefined : session, gone, record, planned);
    if (session !== undefined) session.inFlight++;
    try {
      const { callMs } = this.#world.settings.latency;
      if (callMs > 0) await setTimeout(callMs, undefined, { ref: false });
      const body = await this.#invoke(call, record, caller);
      await listeners.notify('after', record);
      if (planned?.when === 'after-task' && caller.task !== undefined) await this.#world.tasks.ended(caller.task);
      if (planned?.when === 'after' || (planned?.when === 'after-task' && typeof planned.kind === 'string')) {
        const answer = this.#strike(planned.kind, session, record);
        if (answer !== undefined) return answer;
      }
      const cookie = caller.opened === undefined ? {} : { cookie: setCookie(caller.opened) };
      return { kind: 'reply', status: 200, body, ...cookie };
    } catch (error) {
      // What a session's end interrupted is answered as if it had come after it.
      return this.#fault(session?.ended.aborted === true ? this.#service.notAuthenticated(call) : error, record);
    } finally {
      if (session !== undefined) {
        session.inFlight--;
        session.touch();
      }
    }
  }

  /** What happens to a call whose caller has given it up. Returns the fault it ends with. */
  async #arriveLate(call: SoapRequest, record: CallRecord, caller: Caller): Promise<string | undefined> {
    const { listeners } = this.#hooks;
    try {
      await this.#invoke(call, record, caller);
    } catch (error) {
      return (record.fault = asFault(error).data._type);
    }
    await listeners.notify('after', record);
    if (caller.task === undefined) return undefined;
    await this.#world.tasks.ended(caller.task);
    return caller.task.error?.data._type;
  }

  /** Looks the method and its target up, reads the arguments, and does it. Returns the reply. */
  async #invoke(call: SoapRequest, record: CallRecord, caller: Caller): Promise<string> {
    const { method, target: ref } = call;
    const { schema, anonymous } = this.#service;
    const definition = Object.hasOwn(schema.methods, method) ? schema.methods[method] : undefined;
    const handler = (handlers as Readonly<Record<string, AnyHandler | undefined>>)[method];
    if (definition === undefined || handler === undefined) throw methodNotFound(call);
    if (caller.session === undefined && !anonymous.has(method)) {
      const { endedSession } = caller;
      if (endedSession === undefined || !isAnswered(method, endedSession)) throw this.#service.notAuthenticated(call);
      const args = decodeArguments(schema, definition, call);
      record.args = args;
      return replyEnvelope(schema, method, definition, answerOfEnded(method, args, endedSession));
    }
    if (caller.session !== undefined) {
      caller.session.touch();
      caller.session.callCount++;
    }
    const target = this.#target(ref, caller.session);
    if (!target.isA(definition.on)) throw methodNotFound(call);
    const args = decodeArguments(schema, definition, call);
    record.args = masked(args);
    const result = await handler(this.#world, target, args as never, caller);
    if (result !== undefined) record.result = result;
    return replyEnvelope(schema, method, definition, result);
  }

  #target(ref: SoapRequest['target'], session: Session | undefined): ManagedObject {
    const target = this.#service.find(ref, session);
    if (target?.isA(ref.type) !== true) {
      throw fault(
        'ManagedObjectNotFound',
        { obj: ref },
        `The object '${ref.type}:${ref.value}' has already been deleted`,
      );
    }
    if (target instanceof ManagedEntity) target.requireReadable();
    return target;
  }

  #caller(
    request: IncomingMessage,
    session: Session | undefined,
    gone: AbortSignal,
    record: CallRecord,
    planned: PlannedFault | undefined,
  ): Caller {
    const { listeners } = this.#hooks;
    const kind = planned?.kind;
    const taskFault = kind !== undefined && typeof kind !== 'string' ? toFault(kind) : undefined;
    return {
      session,
      endedSession: this.#service.endedSession(request),
      userName: session?.userName ?? '',
      userAgent: request.headers['user-agent'] ?? '',
      ipAddress: request.socket.remoteAddress ?? '',
      signal: anySignal(gone, this.#world.closed, ...(session === undefined ? [] : [session.ended])),
      opened: undefined,
      task: undefined,
      taskHooks: {
        before() {
          if (planned?.when === 'task' && taskFault !== undefined) throw taskFault;
        },
        async after() {
          await listeners.notify('task-done', record);
          if (planned?.when === 'after-task' && taskFault !== undefined) throw taskFault;
        },
      },
    };
  }

  /** Makes an injected fault happen. Returns nothing where the call goes on as if it had not. */
  #strike(kind: CallFaultKind, session: Session | undefined, record: CallRecord): Answer | undefined {
    const sessionEnd = sessionEndOf(kind);
    if (sessionEnd !== undefined) {
      if (session !== undefined) this.#world.sessions.close(session, sessionEnd);
      return undefined;
    }
    switch (kind) {
      case 'reset':
      case 'hang':
        return { kind };
      case 'http-500':
        return { kind: 'page' };
      default:
        return this.#fault(toFault(kind as Exclude<typeof kind, string>), record);
    }
  }

  #fault(error: unknown, record?: CallRecord): Answer {
    const cause = asFault(error);
    if (record !== undefined) record.fault = cause.data._type;
    return { kind: 'reply', status: 500, body: faultEnvelope(this.#service.schema, cause) };
  }
}

function methodNotFound({ target, method }: SoapRequest) {
  return fault('MethodNotFound', { receiver: target, method }, `Method ${method} is not one of ${target.type}`);
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_REQUEST) throw new Error('the request is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
