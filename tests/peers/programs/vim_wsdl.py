"""A WSDL of vim25 for suds, which oslo.vmware is built on.

A vCenter serves one; neither oslo.vmware nor Cinder brings it. This one is put together of what is published: the data types are
oslo.vmware's own copy of VMware's schemas, and which method has which parameters pyVmomi says. Nothing in it comes from this project,
so that what a client sends by it is somebody else's word on the order of elements.
"""

import re
from pathlib import Path
from xml.sax.saxutils import quoteattr

import oslo_vmware
from pyVmomi import VmomiSupport

VIM = 'urn:vim25'
XSD = 'http://www.w3.org/2001/XMLSchema'
SOAP_ACTION = 'urn:vim25/8.0.0.0'
SCHEMAS = Path(oslo_vmware.__file__).parent / 'wsdl' / '8.0'


def write(directory):
    """Writes the WSDL into a directory and returns its URL."""
    path = Path(directory, 'vim.wsdl')
    known = _schema_types()
    path.write_text(_document([method for method in _methods() if _types_of(method) <= known]), encoding='utf-8')
    return path.as_uri()


def _schema_types():
    """The types the schemas define. pyVmomi may be newer, and have methods that need others."""
    names = set()
    for file in ('core-types.xsd', 'query-types.xsd', 'vim-types.xsd'):
        names.update(re.findall(r'<(?:complex|simple)Type name="(\w+)"', (SCHEMAS / file).read_text(encoding='utf-8')))
    return {f'vim25:{name}' for name in names}


def _types_of(method):
    named = re.findall(r'type="(vim25:\w+)"', _request(method) + _response(method))
    return set(named)


def _methods():
    """The methods of every managed object type in vim25."""
    seen = set()
    for name in list(VmomiSupport._managedDefMap):
        managed = VmomiSupport.GetVmodlType(name)
        if VmomiSupport.GetQualifiedWsdlName(managed)[0] != VIM:
            continue
        for method in managed._methodInfo.values():
            if method.wsdlName not in seen:
                seen.add(method.wsdlName)
                yield method


def _element(name, type_, optional):
    many = issubclass(type_, list)
    occurs = (' minOccurs="0"' if optional else '') + (' maxOccurs="unbounded"' if many else '')
    return f'<element name={quoteattr(name)} type="{_type_name(type_.Item if many else type_)}"{occurs}/>'


def _type_name(type_):
    if issubclass(type_, VmomiSupport.ManagedObject):
        return 'vim25:ManagedObjectReference'
    if issubclass(type_, Exception):
        return 'vim25:LocalizedMethodFault'
    if type_ in (type, VmomiSupport.ManagedMethod):
        return 'xsd:string'
    namespace, name = VmomiSupport.GetQualifiedWsdlName(type_)
    return f'xsd:{name}' if namespace == XSD else f'vim25:{name}'


def _optional(flags):
    return bool(flags & VmomiSupport.F_OPTIONAL)


def _request(method):
    parameters = [_element(p.name, p.type, _optional(p.flags)) for p in method.params]
    this = '<element name="_this" type="vim25:ManagedObjectReference"/>'
    return _wrapped(method.wsdlName, [this, *parameters])


def _response(method):
    # What a method's Task results in is no part of its reply.
    result = [] if method.result is type(None) else [_element('returnval', method.result, _optional(method.resultFlags))]
    return _wrapped(method.wsdlName + 'Response', result)


def _wrapped(name, elements):
    return f'<element name="{name}"><complexType><sequence>{"".join(elements)}</sequence></complexType></element>'


def _document(methods):
    names = [method.wsdlName for method in methods]
    elements = [text for method in methods for text in (_request(method), _response(method))]
    messages = [
        f'<message name="{name}{kind}Msg"><part name="parameters" element="vim25:{name}{suffix}"/></message>'
        for name in names
        for kind, suffix in (('Request', ''), ('Response', 'Response'))
    ]
    operations = [
        f'<operation name="{name}"><input message="vim25:{name}RequestMsg"/><output message="vim25:{name}ResponseMsg"/></operation>'
        for name in names
    ]
    body = '<soap:body use="literal"/>'
    bindings = [
        f'<operation name="{name}"><soap:operation soapAction="{SOAP_ACTION}" style="document"/>'
        f'<input>{body}</input><output>{body}</output></operation>'
        for name in names
    ]
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<definitions targetNamespace="{VIM}" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:vim25="{VIM}" xmlns:xsd="{XSD}">
<types>
<schema targetNamespace="{VIM}" xmlns="{XSD}" elementFormDefault="qualified">
<include schemaLocation="{(SCHEMAS / 'vim-types.xsd').as_uri()}"/>
{chr(10).join(elements)}
</schema>
</types>
{chr(10).join(messages)}
<portType name="VimPortType">
{chr(10).join(operations)}
</portType>
<binding name="VimBinding" type="vim25:VimPortType">
<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
{chr(10).join(bindings)}
</binding>
<service name="VimService"><port name="VimPort" binding="vim25:VimBinding"><soap:address location="https://localhost/sdk"/></port></service>
</definitions>
"""
