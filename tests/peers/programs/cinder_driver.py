"""Cinder's VMDK driver and os-brick's connector, as released, driven from outside.

Reads one JSON command a line, {"command": ..., ...}, and answers each with one line: {"result": ...} or {"error": {"type", "message"}}.
The argument is a directory for its files. Of Cinder's service only its database is missing: the volume types that it would look up come with each volume.
"""

import functools
import json
import logging
import os
import sys
import uuid
import warnings

# Answers have standard output to themselves: libraries that print do it on standard error.
answers = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)

# What goes wrong is in the answers.
logging.disable(logging.CRITICAL)
warnings.simplefilter('ignore')

from oslo_service import backend

backend.init_backend(backend.BackendType.THREADING)

from cinder import context, coordination, objects
from cinder.volume import configuration, volume_types
from cinder.volume.drivers.vmware import vmdk
from os_brick.initiator.connectors import vmware as brick
from oslo_config import cfg
from oslo_vmware import vim_util

import vim_wsdl

objects.register_all()


class Commands:
    """What can be asked for, by name."""

    def __init__(self, directory):
        self._directory = directory
        self._wsdl = vim_wsdl.write(directory)
        self._extra_specs = {}
        self._driver = None
        volume_types.get_volume_type_extra_specs = self._extra_specs.__getitem__
        # The connector takes the WSDL from its server: it cannot be told another place.
        brick.api.VMwareAPISession = functools.partial(brick.api.VMwareAPISession, wsdl_loc=self._wsdl)

    def setup(self, options):
        """Starts a driver; `options` are those of a backend's section in cinder.conf."""
        cfg.CONF([], project='cinder', default_config_files=[])
        cfg.CONF.set_override('backend_url', f'file://{self._directory}', group='coordination')
        coordination.COORDINATOR.start()
        backend_options = configuration.Configuration(vmdk.vmdk_opts, config_group='vmware')
        values = {'vmware_wsdl_location': self._wsdl, 'vmware_tmp_dir': self._directory, 'vmware_task_poll_interval': 0.05}
        for name, value in {**values, **options}.items():
            cfg.CONF.set_override(name, value, group='vmware')
        self._driver = vmdk.VMwareVcVmdkDriver(configuration=backend_options)
        self._driver.do_setup(context.get_admin_context())
        return self._driver.VERSION

    def create_volume(self, volume):
        self._driver.create_volume(self._volume(volume))

    def get_backing(self, volume):
        wanted = self._volume(volume)
        backing = self._driver.volumeops.get_backing(wanted.name, wanted.id)
        return backing and backing.value

    def describe_backing(self, backing):
        """What Cinder sees of a backing."""
        ops = self._driver.volumeops
        vm = vim_util.get_moref(backing, 'VirtualMachine')
        return {
            'diskPath': ops.get_vmdk_path(vm),
            'diskBytes': ops.get_disk_size(vm),
            'datastore': ops.get_datastore(vm).value,
            'datacenter': ops.get_dc(vm).value,
            'hasSnapshots': ops.snapshot_exists(vm),
        }

    def extend_volume(self, volume, size):
        self._driver.extend_volume(self._volume(volume), size)

    def delete_volume(self, volume):
        self._driver.delete_volume(self._volume(volume))

    def create_snapshot(self, volume, name):
        owner = self._volume(volume)
        fields = {'id': str(uuid.uuid4()), 'display_name': name, 'display_description': '', 'volume_id': owner.id}
        self._driver.create_snapshot(objects.Snapshot(context.get_admin_context(), volume=owner, **fields))

    def initialize_connection(self, volume):
        connector = {'platform': 'x86_64', 'os_type': 'linux'}
        return self._driver.initialize_connection(self._volume(volume), connector)['data']

    def connect_volume(self, properties):
        return brick.VmdkConnector(None).connect_volume(properties)

    def disconnect_volume(self, properties, device):
        brick.VmdkConnector(None).disconnect_volume(properties, device)

    def _volume(self, fields):
        specs = fields.get('extraSpecs', {})
        type_id = str(uuid.uuid4()) if specs else None
        if type_id:
            self._extra_specs[type_id] = specs
        return objects.Volume(
            context.get_admin_context(),
            id=fields['id'],
            size=fields['size'],
            project_id=fields['projectId'],
            volume_type_id=type_id,
            _name_id=None,
            volume_attachment=objects.VolumeAttachmentList(objects=[]),
        )


def main():
    commands = Commands(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {'result': getattr(commands, request.pop('command'))(**request)}
        except Exception as error:
            answer = {'error': {'type': type(error).__name__, 'message': str(error)}}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == '__main__':
    main()
