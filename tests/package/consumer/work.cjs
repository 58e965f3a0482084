const { work } = require('./work-with.cjs');

void work({
  ...require('vmdk-driver'),
  ...require('vmdk-driver/vim'),
  ...require('vmdk-driver/services'),
  ...require('vmdk-driver/vmdk'),
  ...require('vmdk-driver/simulator'),
}).then((result) => console.log(JSON.stringify(result)));
