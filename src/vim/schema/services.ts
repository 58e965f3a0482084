import { type MethodDefinition, type MethodName, methods } from './methods.js';

/** A web service of the server: vim25 itself, or the storage policy service (PBM), which only a vCenter has. */
export type ServiceName = 'vim25' | 'pbm';

/** How a service is reached. */
export interface ServiceEndpoint {
  /** The path of its URL. */
  readonly path: string;
  /** The XML namespace of its methods and types. */
  readonly namespace: string;
  /**
   * The API version asked for. Servers answer an older one too; one that is named makes them send the properties it has.
   */
  readonly soapAction: string;
}

/** The services, by name. */
/** How each service is reached. */
export const services: Readonly<Record<ServiceName, ServiceEndpoint>> = {
  vim25: { path: '/sdk', namespace: 'urn:vim25', soapAction: 'urn:vim25/6.7' },
  pbm: { path: '/pbm', namespace: 'urn:pbm', soapAction: 'urn:pbm/2.0' },
};

/** The service a method is of. */
export function serviceOf(method: MethodName): ServiceName {
  const { service }: MethodDefinition = methods[method];
  return service ?? 'vim25';
}

/** The names of a service's methods. */
export function methodsOf(service: ServiceName): MethodName[] {
  return (Object.keys(methods) as MethodName[]).filter((method) => serviceOf(method) === service);
}
