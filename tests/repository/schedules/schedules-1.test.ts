import { testSchedules } from './schedules-test.js';

testSchedules(0);
