import { testSchedules } from './schedules-test.js';

testSchedules(1);
