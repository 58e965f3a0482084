import { expect, test } from 'vitest';
import * as driver from 'vmdk-driver';
import * as services from 'vmdk-driver/services';
import * as simulator from 'vmdk-driver/simulator';
import * as vim from 'vmdk-driver/vim';
import * as vmdk from 'vmdk-driver/vmdk';
import { work } from './work-with.mjs';

test('backs up and restores', { timeout: 600_000 }, async () => {
  const result = await work({ ...driver, ...vim, ...services, ...vmdk, ...simulator });
  expect(result).toEqual({ restored: true, decoded: true, leftovers: [] });
});
