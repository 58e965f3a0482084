"""What OpenStack does to a server through oslo.vmware: told where it is on standard input, this prints what it saw as JSON."""

import json
import logging
import os
import sys
import tempfile

import vim_wsdl
from oslo_vmware import api, exceptions, image_transfer, vim_util

DISK_BYTES = 64 * 2**20


def main():
    logging.disable(logging.CRITICAL)
    server = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as directory, open(os.path.join(directory, 'ca.pem'), 'w+') as authority:
        authority.write(server['ca'])
        authority.flush()
        json.dump(seen_of(server, vim_wsdl.write(directory), authority.name), sys.stdout)


def seen_of(server, wsdl, authority):
    def login(password):
        return api.VMwareAPISession(
            server['host'],
            server['user'],
            password,
            1,
            0.1,
            port=server['port'],
            wsdl_loc=wsdl,
            cacert=authority,
        )

    seen = {}
    try:
        login('wrong')
    except exceptions.VimFaultException as error:
        seen['wrong password'] = error.fault_list
    session = login(server['password'])
    vim = session.vim
    seen['api type'] = vim.service_content.about.apiType

    found = session.invoke_api(vim_util, 'get_objects', vim, 'VirtualMachine', 1, ['name', 'runtime.powerState'])
    vm = found.objects[0].obj
    seen['objects'] = [{entry.name: str(entry.val) for entry in each.propSet} for each in found.objects]

    def read(entity, name):
        return session.invoke_api(vim_util, 'get_object_property', vim, entity, name)

    disk = next(
        device for device in read(vm, 'config.hardware.device').VirtualDevice if type(device).__name__ == 'VirtualDisk'
    )
    seen['disk'] = [disk.capacityInKB, type(disk.backing).__name__, disk.backing.thinProvisioned]
    pool, folder = read(vm, 'resourcePool'), read(vm, 'parent')

    place = {'session': session, 'host': server['host'], 'port': server['port']}
    with open(server['file'], 'wb') as file:
        image_transfer.copy_stream_optimized_disk(
            None, 60, file, vm=vm, vmdk_file_path=disk.backing.fileName, vmdk_size=DISK_BYTES, **place
        )
    for method in ('PUT', 'POST'):
        with open(server['file'], 'rb') as file:
            imported = image_transfer.download_stream_optimized_data(
                None,
                60,
                file,
                resource_pool=pool,
                vm_folder=folder,
                vm_import_spec=import_spec(vim.client.factory, f'by {method}'),
                image_size=os.path.getsize(server['file']),
                http_method=method,
                **place,
            )
        seen[method] = read(imported, 'name')

    seen['renamed'] = session.wait_for_task(session.invoke_api(vim, 'Rename_Task', imported, newName='renamed')).state
    try:
        session.wait_for_task(session.invoke_api(vim, 'Rename_Task', imported, newName='by PUT'))
    except exceptions.DuplicateName as error:
        seen['duplicate'] = type(error).__name__
    seen['destroyed'] = session.wait_for_task(session.invoke_api(vim, 'Destroy_Task', imported)).state
    try:
        read(imported, 'name')
    except exceptions.ManagedObjectNotFoundException as error:
        seen['gone'] = type(error).__name__
    session.logout()
    return seen


def import_spec(factory, name):
    def create(type_, **fields):
        value = factory.create(f'ns0:{type_}')
        for field, content in fields.items():
            setattr(value, field, content)
        return value

    controller = create('VirtualLsiLogicController', key=-100, busNumber=0, sharedBus='noSharing')
    backing = create('VirtualDiskFlatVer2BackingInfo', diskMode='persistent', fileName='', thinProvisioned=True)
    disk = create(
        'VirtualDisk', key=-101, controllerKey=-100, unitNumber=0, capacityInKB=DISK_BYTES // 1024, backing=backing
    )
    changes = [
        create('VirtualDeviceConfigSpec', operation='add', device=controller),
        create('VirtualDeviceConfigSpec', operation='add', fileOperation='create', device=disk),
    ]
    files = create('VirtualMachineFileInfo', vmPathName='[datastore1]')
    config = create(
        'VirtualMachineConfigSpec',
        name=name,
        guestId='otherGuest',
        numCPUs=1,
        memoryMB=128,
        files=files,
        deviceChange=changes,
    )
    return create('VirtualMachineImportSpec', configSpec=config)


main()
