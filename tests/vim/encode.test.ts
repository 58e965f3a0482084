import { describe, expect, test } from '@jest/globals';
import type { InvalidInputError } from '../../src/errors/index.js';
import { encodeCall, encodeValue } from '../../src/vim/codec/index.js';

const vm = { type: 'VirtualMachine', value: 'vm-1' };

function fieldAtFault(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    return (error as InvalidInputError).field;
  }
  throw new Error('it was accepted');
}

describe('encode', () => {
  test('puts the elements of bases first, and omits what is undefined', () => {
    const disk = { capacityInKB: 1, _type: 'VirtualDisk', unitNumber: undefined, key: 2000 };
    const encoded = encodeValue('VirtualDevice', disk, 'device');
    expect(Object.keys(encoded as object)).toEqual(['$attributes', 'key', 'capacityInKB']);
    expect(encoded).toEqual({ $attributes: { 'xsi:type': 'VirtualDisk' }, key: '2000', capacityInKB: '1' });
  });

  test('names the type only where it is not the declared one', () => {
    expect(encodeValue('SelectionSpec', { name: 'a', _type: 'SelectionSpec' }, '')).toEqual({ name: 'a' });
    expect(encodeValue('VirtualDiskSpec', { diskType: 'thin', adapterType: 'ide' }, '')).not.toHaveProperty(
      '$attributes',
    );
  });

  test.each([
    ['text', 'xsd:string', 'text'],
    ['', 'xsd:string', ''],
    [5, 'xsd:int', '5'],
    [-(2 ** 31), 'xsd:int', '-2147483648'],
    [2 ** 31, 'xsd:long', '2147483648'],
    [Number.MAX_SAFE_INTEGER, 'xsd:long', '9007199254740991'],
    [false, 'xsd:boolean', 'false'],
  ])('any: %p is %s', (value, type, text) => {
    expect(encodeValue('any', value, '')).toEqual({ $attributes: { 'xsi:type': type }, $value: text });
  });

  test('any: references and data objects', () => {
    expect(encodeValue('any', vm, '')).toEqual({
      $attributes: { 'xsi:type': 'ManagedObjectReference', type: 'VirtualMachine' },
      $value: 'vm-1',
    });
    expect(encodeValue('any', { _type: 'KeyValue', key: 'k', value: 'v' }, '')).toEqual({
      $attributes: { 'xsi:type': 'KeyValue' },
      key: 'k',
      value: 'v',
    });
  });

  test('an empty optional array is left out', () => {
    expect(encodeValue('VirtualMachineConfigSpec', { extraConfig: [] }, '')).toEqual({});
  });

  test.each<[string, object, string]>([
    ['unknown field', { spec: { nmae: 'x' } }, 'ReconfigVM_Task.spec.nmae'],
    ['unknown parameter', { spec: {}, other: 1 }, 'ReconfigVM_Task.other'],
    ['missing parameter', {}, 'ReconfigVM_Task.spec'],
    ['null', { spec: { name: null } }, 'ReconfigVM_Task.spec.name'],
    ['null in an array', { spec: { extraConfig: [null] } }, 'ReconfigVM_Task.spec.extraConfig[0]'],
    ['missing field', { spec: { extraConfig: [{ value: 1 }] } }, 'ReconfigVM_Task.spec.extraConfig[0].key'],
    ['no array', { spec: { extraConfig: { key: 'k' } } }, 'ReconfigVM_Task.spec.extraConfig'],
    ['array for a single', { spec: { files: [] } }, 'ReconfigVM_Task.spec.files'],
    ['number for text', { spec: { name: 1 } }, 'ReconfigVM_Task.spec.name'],
    ['text for a number', { spec: { numCPUs: '1' } }, 'ReconfigVM_Task.spec.numCPUs'],
    ['fraction', { spec: { numCPUs: 1.5 } }, 'ReconfigVM_Task.spec.numCPUs'],
    ['NaN', { spec: { memoryMB: NaN } }, 'ReconfigVM_Task.spec.memoryMB'],
    ['beyond int', { spec: { numCPUs: 2 ** 31 } }, 'ReconfigVM_Task.spec.numCPUs'],
    ['beyond 2^53', { spec: { memoryMB: 2 ** 53 } }, 'ReconfigVM_Task.spec.memoryMB'],
    ['control character', { spec: { name: 'a\u0000b' } }, 'ReconfigVM_Task.spec.name'],
    ['half a surrogate pair', { spec: { name: '\ud83d' } }, 'ReconfigVM_Task.spec.name'],
    [
      'array under any',
      { spec: { extraConfig: [{ key: 'k', value: [] }] } },
      'ReconfigVM_Task.spec.extraConfig[0].value',
    ],
    [
      'unknown type',
      { spec: { deviceChange: [{ device: { _type: 'VirtualDiscus', key: 1 } }] } },
      'ReconfigVM_Task.spec.deviceChange[0].device._type',
    ],
    [
      'type of another family',
      { spec: { deviceChange: [{ device: { _type: 'KeyValue', key: 'a', value: 'b' } }] } },
      'ReconfigVM_Task.spec.deviceChange[0].device._type',
    ],
    [
      'abstract type',
      { spec: { deviceChange: [{ device: { key: 1 } }] } },
      'ReconfigVM_Task.spec.deviceChange[0].device._type',
    ],
    [
      'inherited name',
      { spec: { deviceChange: [{ device: { _type: 'toString' } }] } },
      'ReconfigVM_Task.spec.deviceChange[0].device._type',
    ],
  ])('refuses: %s', (_name, args, field) => {
    expect(fieldAtFault(() => encodeCall('ReconfigVM_Task', vm, args))).toBe(field);
  });

  test.each<[string, object, string]>([
    ['without id', { type: 'Folder', value: '' }, '.value'],
    ['without type', { value: 'x' }, ''],
    ['markup for a type', { type: 'a" b="', value: 'x' }, '.type'],
    ['more fields', { type: 'Folder', value: 'x', name: 'y' }, '.name'],
  ])('refuses a reference: %s', (_name, ref, field) => {
    expect(fieldAtFault(() => encodeCall('CurrentTime', ref as never, {}))).toBe(`CurrentTime._this${field}`);
  });

  test('refuses an empty array where one is needed', () => {
    expect(fieldAtFault(() => encodeCall('MoveIntoFolder_Task', vm, { list: [] }))).toBe('MoveIntoFolder_Task.list');
  });
});
