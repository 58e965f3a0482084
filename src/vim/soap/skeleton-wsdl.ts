import { methodsOf, type ServiceName, services } from '../schema/index.js';

/**
 * A WSDL without types, one operation per method of a service's subset, for node-soap.
 *
 * node-soap then writes elements in the order it is given them, which the codec has already put into schema order. With
 * types it would reorder by the declared type only and leave what a subtype adds as it stands, so that the order had to
 * be right here anyway; and vSphere's whole WSDL takes over a second to load.
 */
export function skeletonWsdl(service: ServiceName, endpoint: string): string {
  const { namespace, soapAction } = services[service];
  const names = methodsOf(service);
  const each = (line: (name: string) => string): string => names.map(line).join('');
  // The service's is the default namespace, so that `xsi:type="VirtualDisk"` means its type.
  return (
    `<?xml version="1.0" encoding="UTF-8"?>` +
    `<wsdl:definitions targetNamespace="${namespace}" xmlns="${namespace}"` +
    ` xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">` +
    `<wsdl:types><schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="${namespace}"` +
    ` elementFormDefault="qualified">` +
    each((name) => `<element name="${name}"/><element name="${name}Response"/>`) +
    `</schema></wsdl:types>` +
    each((name) => message(`${name}RequestMsg`, name) + message(`${name}ResponseMsg`, `${name}Response`)) +
    `<wsdl:portType name="VimPortType">` +
    each(
      (name) =>
        `<wsdl:operation name="${name}"><wsdl:input message="${name}RequestMsg"/>` +
        `<wsdl:output message="${name}ResponseMsg"/></wsdl:operation>`,
    ) +
    `</wsdl:portType><wsdl:binding name="VimBinding" type="VimPortType">` +
    `<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>` +
    each(
      (name) =>
        `<wsdl:operation name="${name}"><soap:operation soapAction="${soapAction}" style="document"/>` +
        `<wsdl:input><soap:body use="literal"/></wsdl:input>` +
        `<wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>`,
    ) +
    `</wsdl:binding><wsdl:service name="VimService"><wsdl:port name="VimPort" binding="VimBinding">` +
    `<soap:address location="${endpoint}"/></wsdl:port></wsdl:service></wsdl:definitions>`
  );
}

function message(name: string, element: string): string {
  return `<wsdl:message name="${name}"><wsdl:part name="parameters" element="${element}"/></wsdl:message>`;
}
