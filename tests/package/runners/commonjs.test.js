const { work } = require('./work-with.cjs');

test('backs up and restores', async () => {
  const result = await work({
    ...require('vmdk-driver'),
    ...require('vmdk-driver/vim'),
    ...require('vmdk-driver/services'),
    ...require('vmdk-driver/vmdk'),
    ...require('vmdk-driver/simulator'),
  });
  expect(result).toEqual({ restored: true, decoded: true, leftovers: [] });
}, 600_000);
