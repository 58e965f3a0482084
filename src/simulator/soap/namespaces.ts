/** The XML namespaces of a SOAP 1.1 message. */
export const SOAP_ENVELOPE = 'http://schemas.xmlsoap.org/soap/envelope/';
export const XML_SCHEMA = 'http://www.w3.org/2001/XMLSchema';
export const XML_SCHEMA_INSTANCE = 'http://www.w3.org/2001/XMLSchema-instance';
/** Namespace declarations, which XML itself treats as attributes. */
export const XMLNS = 'http://www.w3.org/2000/xmlns/';
