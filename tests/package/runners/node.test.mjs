import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as driver from 'vmdk-driver';
import * as services from 'vmdk-driver/services';
import * as simulator from 'vmdk-driver/simulator';
import * as vim from 'vmdk-driver/vim';
import * as vmdk from 'vmdk-driver/vmdk';
import { work } from './work-with.mjs';

test('backs up and restores', async () => {
  const result = await work({ ...driver, ...vim, ...services, ...vmdk, ...simulator });
  assert.deepEqual(result, { restored: true, decoded: true, leftovers: [] });
});
