import type { IncomingMessage } from 'node:http';
import type { MoRef } from '../../vim/schema/index.js';
import type { Fault } from '../fault.js';
import type { ManagedObject } from '../managed-object.js';
import type { EndedSessionAnswer } from '../options.js';
import type { Session } from '../session.js';
import type { SoapRequest } from '../soap/decode-request.js';
import type { Schema } from '../soap/schema.js';

/** What makes one web service of the server different from another. */
export interface SoapService {
  readonly schema: Schema;
  /** Methods that need no session. */
  readonly anonymous: ReadonlySet<string>;
  /** The session a call is made in, or undefined. */
  sessionOf(request: IncomingMessage, call: SoapRequest): Session | undefined;
  /** How a call is answered whose session has ended; undefined where that is no different from having none. */
  endedSession(request: IncomingMessage): EndedSessionAnswer | undefined;
  /** The object a reference names, or undefined. */
  find(ref: MoRef, session: Session | undefined): ManagedObject | undefined;
  /** What a call without a session is refused with. */
  notAuthenticated(call: SoapRequest): Fault;
}
