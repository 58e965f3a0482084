import { VimProtocolError } from '../errors/index.js';
import type { MoRef } from './schema/index.js';
import type { VimSession } from './vim-session.js';

/** The managers a driver works with; every vCenter and ESXi has them, though the API calls them optional. */
export type ManagerName = 'sessionManager' | 'searchIndex' | 'virtualDiskManager' | 'fileManager' | 'taskManager';

/** @throws VimProtocolError where the server has no such manager */
export function managerOf(vim: VimSession, name: ManagerName): MoRef {
  const manager = vim.serviceContent[name];
  if (manager === undefined) throw new VimProtocolError(`the server has no ${name}`);
  return manager;
}

/** Whether the server is a vCenter; else it is a single ESXi host. */
export function isVirtualCenter(vim: VimSession): boolean {
  return vim.serviceContent.about.apiType === 'VirtualCenter';
}
