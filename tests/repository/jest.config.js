import { stageConfig } from '../support/stage-config.js';

export default stageConfig('repository');
