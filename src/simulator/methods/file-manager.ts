import { deleteFile, moveFile } from '../operations/files.js';
import { locateArgument } from '../operations/locate.js';
import type { Handlers } from './handler.js';

export const fileManagerMethods: Handlers<'MakeDirectory' | 'DeleteDatastoreFile_Task' | 'MoveDatastoreFile_Task'> = {
  MakeDirectory(world, _target, { name, datacenter, createParentDirectories = false }) {
    const { datastore, path } = locateArgument(world, name, datacenter);
    datastore.files.makeDirectory(path, createParentDirectories);
    return undefined;
  },

  DeleteDatastoreFile_Task(world, entity, { name, datacenter }, caller) {
    const place = locateArgument(world, name, datacenter);
    const run = () => deleteFile(world, place);
    return world.tasks.start(caller, { descriptionId: 'FileManager.deleteFile', entity, run }).ref;
  },

  MoveDatastoreFile_Task(world, entity, args, caller) {
    const {
      sourceName,
      sourceDatacenter,
      destinationName,
      destinationDatacenter = sourceDatacenter,
      force = false,
    } = args;
    const from = locateArgument(world, sourceName, sourceDatacenter, 'sourceDatacenter');
    const to = locateArgument(world, destinationName, destinationDatacenter, 'destinationDatacenter');
    const run = () => moveFile(world, from, to, force);
    return world.tasks.start(caller, { descriptionId: 'FileManager.moveFile', entity, run }).ref;
  },
};
