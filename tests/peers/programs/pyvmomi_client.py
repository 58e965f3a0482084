"""What a script with pyVmomi does to a server: told where the server is on standard input, it prints what it saw as JSON."""

import hashlib
import json
import ssl
import sys

import urllib3
from pyVim import connect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

MODE = vim.vm.device.VirtualDeviceSpec.Operation


def main():
    server = json.load(sys.stdin)
    host, port = server['host'], server['port']

    def login(thumbprint=server['thumbprint'], password=server['password']):
        # Of its own accord it trusts whoever is on the loopback interface.
        verifying = ssl.create_default_context()
        pinned = {'sslContext': verifying, 'thumbprint': thumbprint}
        return connect.Connect(host=host, port=port, user=server['user'], pwd=password, **pinned)

    seen = {}
    try:
        login(thumbprint='00' * 32)
    except vim.fault.HostConnectFault as error:
        seen['other thumbprint'] = error.msg
    try:
        login(password='wrong')
    except vim.fault.InvalidLogin as error:
        seen['wrong password'] = type(error).__name__
    negotiated = connect.SmartConnect(
        host=host,
        port=port,
        user=server['user'],
        pwd=server['password'],
        sslContext=ssl.create_default_context(cadata=server['ca']),
    )
    connect.Disconnect(negotiated)

    instance = login()
    content = instance.RetrieveContent()
    seen['api type'] = content.about.apiType
    seen['clock'] = instance.CurrentTime().isoformat()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    vm = next(entry for entry in view.view if entry.name == server['vm'])
    seen['inventory'] = inventory(vm)
    seen['collected'] = collected(content.propertyCollector, view)
    seen['found'] = content.searchIndex.FindByUuid(None, vm.config.instanceUuid, True, True) == vm

    change = vim.vm.ConfigSpec(annotation='by pyVmomi', extraConfig=[vim.option.OptionValue(key='pyvmomi.x', value='1')])
    WaitForTask(vm.ReconfigVM_Task(change))
    seen['reconfigured'] = [
        vm.config.annotation,
        {option.key: option.value for option in vm.config.extraConfig}['pyvmomi.x'],
    ]
    try:
        WaitForTask(vm.ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=-1)))
    except vmodl.fault.InvalidArgument as error:
        seen['refused'] = error.invalidProperty

    seen['exported'] = export(vm, host, port, server['file'])
    imported = import_vm(vm, host, port, server['file'])
    seen['imported'] = imported.name
    WaitForTask(imported.Rename_Task('renamed'))
    try:
        WaitForTask(imported.Rename_Task(server['vm']))
    except vim.fault.DuplicateName as error:
        seen['duplicate'] = [error.name, error.object == vm]
    seen['vms'] = sorted(entry.name for entry in view.view)
    if server['destroy']:
        WaitForTask(imported.Destroy_Task())
        try:
            imported.name
        except vmodl.fault.ManagedObjectNotFound as error:
            seen['gone'] = error.obj == imported
    view.DestroyView()
    connect.Disconnect(instance)
    json.dump(seen, sys.stdout)


def inventory(vm):
    host = vm.runtime.host
    return {
        'folder': vm.parent.name,
        'datacenter': vm.parent.parent.name,
        'cluster': vm.resourcePool.owner.name,
        'host': [host.name, host.runtime.connectionState, host.runtime.inMaintenanceMode],
        'networks': [network.name for network in host.network],
        'datastores': [[store.name, store.summary.type, store.summary.accessible] for store in vm.datastore],
        'power': vm.runtime.powerState,
        'status': vm.overallStatus,
        'summary': [vm.summary.config.name, vm.summary.config.numVirtualDisks, vm.summary.guest.toolsStatus],
        'devices': sorted({type(device).__name__ for device in vm.config.hardware.device}),
    }


def collected(collector, view):
    traversal = vmodl.query.PropertyCollector.TraversalSpec(path='view', skip=False, type=vim.view.ContainerView)
    start = vmodl.query.PropertyCollector.ObjectSpec(obj=view, skip=True, selectSet=[traversal])
    properties = vmodl.query.PropertyCollector.PropertySpec(
        type=vim.VirtualMachine, pathSet=['name', 'runtime.powerState', 'config.hardware.device', 'snapshot']
    )
    spec = vmodl.query.PropertyCollector.FilterSpec(objectSet=[start], propSet=[properties])
    options = vmodl.query.PropertyCollector.RetrieveOptions(maxObjects=1)
    answers = [collector.RetrieveContents([spec]), collector.RetrievePropertiesEx([spec], options).objects]
    return [[{entry.name: type(entry.val).__name__ for entry in found.propSet} for found in answer] for answer in answers]


def wait_until_ready(lease):
    while lease.state == vim.HttpNfcLease.State.initializing:
        pass
    if lease.state != vim.HttpNfcLease.State.ready:
        raise RuntimeError(f'the lease is {lease.state}: {lease.error}')
    return lease.info


def open_url(device, host, port, method, **options):
    """A request to a disk's URL, whose server must have the certificate that the lease says."""
    address = urllib3.util.parse_url(device.url.replace('*', f'{host}:{port}'))
    pool = urllib3.HTTPSConnectionPool(
        address.host, address.port, cert_reqs='CERT_NONE', assert_fingerprint=device.sslThumbprint
    )
    return pool.urlopen(method, address.request_uri, preload_content=False, **options)


def export(vm, host, port, path):
    lease = vm.ExportVm()
    device = next(entry for entry in wait_until_ready(lease).deviceUrl if entry.disk)
    digest = hashlib.sha1()
    with open(path, 'wb') as file:
        for chunk in open_url(device, host, port, 'GET').stream(65536):
            file.write(chunk)
            digest.update(chunk)
    lease.HttpNfcLeaseProgress(100)
    manifest = lease.HttpNfcLeaseGetManifest()
    lease.HttpNfcLeaseComplete()
    return manifest[0].sha1 == digest.hexdigest()


def import_vm(vm, host, port, path):
    controller = vim.vm.device.ParaVirtualSCSIController(key=-1, busNumber=0, sharedBus='noSharing')
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName='', diskMode='persistent', thinProvisioned=True)
    disk = vim.vm.device.VirtualDisk(key=-2, controllerKey=-1, unitNumber=0, capacityInKB=65536, backing=backing)
    spec = vim.vm.ConfigSpec(
        name='imported',
        guestId='otherGuest',
        numCPUs=1,
        memoryMB=64,
        files=vim.vm.FileInfo(vmPathName='[datastore1]'),
        deviceChange=[
            vim.vm.device.VirtualDeviceSpec(operation=MODE.add, device=controller),
            vim.vm.device.VirtualDeviceSpec(operation=MODE.add, fileOperation='create', device=disk),
        ],
    )
    lease = vm.resourcePool.ImportVApp(vim.vm.VmImportSpec(configSpec=spec), vm.parent, None)
    info = wait_until_ready(lease)
    with open(path, 'rb') as file:
        headers = {'Content-Type': 'application/x-vnd.vmware-streamVmdk'}
        reply = open_url(info.deviceUrl[0], host, port, 'POST', body=file, headers=headers)
    if reply.status != 200:
        raise RuntimeError(f'the upload was answered {reply.status}')
    lease.HttpNfcLeaseComplete()
    return info.entity


main()
