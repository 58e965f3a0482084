import * as driver from 'vmdk-driver';
import * as services from 'vmdk-driver/services';
import * as simulator from 'vmdk-driver/simulator';
import * as vim from 'vmdk-driver/vim';
import * as vmdk from 'vmdk-driver/vmdk';
import { work } from './work-with.mjs';

void work({ ...driver, ...vim, ...services, ...vmdk, ...simulator }).then((result) => {
  console.log(JSON.stringify(result));
});
