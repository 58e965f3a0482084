import { commands } from '../../jest.config.js';
import { stageConfig } from '../support/stage-config.js';

export default stageConfig('commands', { testMatch: commands.map((name) => `<rootDir>/tests/${name}/**/*.test.ts`) });
