/** The namespaces of an OVF descriptor. */
export const OVF = 'http://schemas.dmtf.org/ovf/envelope/1';
export const RASD = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData';
export const VSSD = 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData';
export const VMW = 'http://www.vmware.com/schema/ovf';

/** The format of disks in a descriptor. */
export const STREAM_OPTIMIZED = 'http://www.vmware.com/interfaces/vmdk.html#streamOptimized';
